"""What the image promises, read from its Dockerfile; tests against an engine are in test_real_image.py."""

import pytest

from cluster.images.source import DOCKERFILE, repository

TEXT = (repository() / DOCKERFILE).read_text(encoding="utf-8")


def stages():
    """Lines of each stage, by its name."""
    found, name = {}, None
    for line in TEXT.replace("\\\n", " ").splitlines():
        if line.startswith("FROM "):
            name = line.split(" AS ")[1]
            found[name] = [line]
        elif name and line and not line.startswith("#"):
            found[name].append(line)
    return found


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_dependencies_come_before_the_application(target):
    layers = [line for line in stages()[target] if line.startswith("COPY")]

    assert layers == ["COPY --from=dependencies /packages /", "COPY --from=application /application /"]


def test_dependencies_do_not_see_the_source():
    assert not [line for line in stages()["dependencies"] if line.startswith("COPY")]


def test_packages_are_installed_by_hash_only():
    installs = [line for lines in stages().values() for line in lines if "pip" in line and " install " in line]

    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_pods_get_a_numeric_user_who_is_not_root():
    (line,) = [line for line in stages()["runtime"] if line.startswith("USER")]
    user, group = line.removeprefix("USER ").split(":")

    assert int(user) > 0
    assert int(group) > 0
    assert not [line for target in ("cpu", "gpu") for line in stages()[target] if line.startswith("USER")]


def test_no_secret_is_an_argument_or_a_variable():
    told = [line for lines in stages().values() for line in lines if line.startswith(("ARG", "ENV"))]

    assert not [line for line in told if any(word in line.upper() for word in ("INDEX_URL", "PASSWORD", "TOKEN="))]
