import pytest
import yaml
from typer.testing import CliRunner

from cluster.commands import app
from cluster.manifests.objects import objects
from cluster.manifests.yaml_text import to_text
from cluster.settings import read_settings
from tests.cluster.manifests.conftest import EXAMPLES


@pytest.mark.parametrize("name", ["local", "aks"])
def test_examples_are_current(name):
    rendered = to_text(objects(read_settings(EXAMPLES / f"{name}.settings.yaml")))
    assert rendered == (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), (
        f"scoring cluster render cluster/examples/{name}.settings.yaml > cluster/examples/{name}.yaml"
    )


def test_what_is_written_is_what_is_applied(example):
    found = objects(example)
    text = to_text(found)
    assert list(yaml.safe_load_all(text)) == found
    assert not any(line.strip().startswith(("&", "*")) or ": &" in line for line in text.splitlines())


def test_a_directory_gets_a_file_for_each_object_in_order(tmp_path):
    settings = str(EXAMPLES / "local.settings.yaml")
    result = CliRunner().invoke(app, ["render", settings, "--output", str(tmp_path / "out")])
    assert result.exit_code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert files[0].name == "00-namespace-scoring.yaml"
    loaded = [yaml.safe_load(path.read_text()) for path in files]
    assert loaded == objects(read_settings(EXAMPLES / "local.settings.yaml"))
    assert CliRunner().invoke(app, ["render", settings, "--output", str(tmp_path / "out")]).exit_code == 0


def test_files_that_the_settings_no_longer_ask_for_are_told(tmp_path):
    (tmp_path / "99-old.yaml").write_text("")
    result = CliRunner().invoke(app, ["render", str(EXAMPLES / "local.settings.yaml"), "--output", str(tmp_path)])
    assert result.exit_code != 0
    assert "99-old.yaml" in str(result.exception)


def test_objects_can_be_applied_in_their_order(example):
    kinds = [each["kind"] for each in objects(example)]
    assert kinds[:2] == ["Namespace", "ServiceAccount"]
    assert kinds.index("RayService") > max(kinds.index(kind) for kind in ("NetworkPolicy", "Role", "ServiceAccount"))
    names = [(each["kind"], each["metadata"]["name"]) for each in objects(example)]
    assert len(set(names)) == len(names)


def test_every_object_tells_what_it_belongs_to(example):
    for each in objects(example):
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == example.name
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == example.namespace


def test_no_secret_is_written(example):
    assert "Secret" not in {each["kind"] for each in objects(example)}
