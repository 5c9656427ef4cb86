import re
import shutil
from pathlib import Path

import pytest

from cluster.images import source
from cluster.images.source import LOCKS, repository, source_files, tag_of
from deployments.errors import StartupError

BASE = "python:3.11-slim-bookworm"
ROOT = repository()


@pytest.fixture
def checkout(tmp_path):
    """A small checkout with this project's own rules."""
    shutil.copy(ROOT / ".dockerignore", tmp_path)
    content = {
        "pyproject.toml": "p", "README.md": "r", "LICENSE": "l", "NOTICE": "n", "requirements/cluster-cpu.txt": "c",
        "requirements/cluster-gpu.txt": "g", "requirements/editable.txt": "e", "cluster/Dockerfile": "d",
        "cluster/images/source.py": "i", "deployments/a.py": "a", "deployments/sample/b.tsv": "b",
        "serve_app/c.py": "c", "loadtest/d.py": "d",
    }  # fmt: skip
    write(tmp_path, content)
    return tmp_path


def write(root, content):
    for name, text in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def names(root, target="cpu"):
    return [path.as_posix() for path in source_files(root, target)]


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_a_change_of_any_file_changes_the_tag(checkout, target):
    tags = {tag_of(checkout, target, BASE)}
    files = source_files(checkout, target)
    for path in files:
        (checkout / path).write_text("changed")
        tags.add(tag_of(checkout, target, BASE))

    assert len(files) == 12
    assert len(tags) == 1 + len(files)


def test_a_file_that_comes_goes_or_is_renamed_changes_the_tag(checkout):
    tags = [tag_of(checkout, "cpu", BASE)]
    (checkout / "deployments/new.py").write_text("")
    tags.append(tag_of(checkout, "cpu", BASE))
    (checkout / "deployments/new.py").rename(checkout / "deployments/other.py")
    tags.append(tag_of(checkout, "cpu", BASE))
    (checkout / "deployments/other.py").unlink()

    assert len(set(tags)) == 3
    assert tag_of(checkout, "cpu", BASE) == tags[0]


def test_what_moves_from_one_file_to_another_changes_the_tag(checkout):
    write(checkout, {"deployments/a.py": "", "deployments/b.py": "ab"})
    before = tag_of(checkout, "cpu", BASE)
    write(checkout, {"deployments/a.py": "ab", "deployments/b.py": ""})

    assert tag_of(checkout, "cpu", BASE) != before


@pytest.mark.parametrize(
    "name",
    [
        "requirements/cluster-gpu.txt", "requirements/dev.txt", "tests/test_a.py", "docs/a.md", "scripts/lock",
        ".git/HEAD", "cluster/examples/aks.yaml", "cluster/vulnerability-policy.toml",
        "deployments/__pycache__/a.cpython-311.pyc", "deployments/sample/x.pyc",
    ],
)  # fmt: skip
def test_nothing_else_changes_the_tag(checkout, name):
    before = tag_of(checkout, "cpu", BASE)
    write(checkout, {name: "changed"})

    assert tag_of(checkout, "cpu", BASE) == before


def test_target_and_base_are_in_the_tag(checkout):
    tags = {tag_of(checkout, "cpu", BASE), tag_of(checkout, "gpu", BASE), tag_of(checkout, "cpu", "python:3.12-slim")}

    assert len(tags) == 3
    assert all(re.fullmatch(r"(cpu|gpu)-[0-9a-f]{12}", tag) for tag in tags)


def test_the_tag_does_not_depend_on_place_or_order(checkout, tmp_path_factory, monkeypatch):
    copy = tmp_path_factory.mktemp("elsewhere") / "deep"
    shutil.copytree(checkout, copy)
    before = tag_of(checkout, "cpu", BASE)
    found = source._files
    monkeypatch.setattr(source, "_files", lambda path: reversed(list(found(path))))

    assert tag_of(copy, "cpu", BASE) == before


def test_the_real_image_has_what_the_application_needs_and_no_tests():
    found = names(ROOT)

    assert {"cluster/Dockerfile", "requirements/cluster-cpu.txt", "serve_app/app.py", "README.md"} <= set(found)
    assert "requirements/cluster-gpu.txt" not in found
    assert not [name for name in found if name.startswith(("tests/", "docs/", ".")) or "__pycache__" in name]
    assert any(name.startswith("deployments/faq_matcher/sample/") for name in found)


def test_rules_of_the_context_are_of_the_kinds_that_are_understood():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

    assert lines[0] == "*"
    assert all(re.fullmatch(r"!?[\w./-]+|\*\*/[\w*.]+", line) for line in lines[1:])


def test_the_dockerfile_copies_what_the_context_allows():
    copied = {
        name.rstrip("/")
        for line in (ROOT / source.DOCKERFILE).read_text().splitlines()
        if line.startswith("COPY") and "--from" not in line
        for name in line.split()[1:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert copied == {name for name in allowed if not name.startswith("requirements/")}


@pytest.mark.parametrize("lock", LOCKS.values())
def test_locks_pin_every_package_by_hash(lock):
    text = (ROOT / f"requirements/{lock}.txt").read_text()
    pins = re.findall(r"^[a-z0-9][^\n]*?==.*(?:\n    .*)+", text, re.MULTILINE)

    assert len(pins) > 90
    assert all("--hash=sha256:" in pin for pin in pins)
    assert (re.search(r"^torch==", text, re.MULTILINE) is not None) == (lock == "cluster-gpu")


def test_an_installation_without_source_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(source, "__file__", str(tmp_path / "cluster/images/source.py"))

    with pytest.raises(StartupError, match=r"image\.tag"):
        repository()


def test_the_repository_is_this_one():
    assert Path(__file__).parents[3] == ROOT
