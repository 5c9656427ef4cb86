"""Configs made from the user's."""

import pytest
import yaml

from loadtest.configs import application_name, arguments, first_version, laid_out, read_config, scaled
from loadtest.errors import BenchmarkError
from serve_app.layout import lay_out


def test_without_a_file_the_defaults_with_one_model_scaled():
    config, deployment = scaled(read_config(None), "faq_matcher", min_replicas=1, max_replicas=2)
    assert deployment == "faq-1"
    (model,) = arguments(config)["models"]
    assert model["versions"] == [{"scaling": {"min_replicas": 1, "max_replicas": 2}}]
    assert arguments(config)["ingress"]["scaling"]["max_replicas"] == 1
    assert arguments(read_config(None)) == {}


def test_a_version_with_replicas_becomes_an_application_of_the_file():
    config, deployment = scaled(read_config(None), "faq_matcher", max_replicas=2)
    applications = laid_out(config)["applications"]
    assert [each["name"] for each in applications] == ["scoring", deployment]
    assert applications[1]["args"]["scaling"] == {"max_replicas": 2}
    other = {"applications": [{"name": "bare", "import_path": "other:app"}]}
    assert laid_out(other) == other


def test_the_users_own_names_and_settings_stay(tmp_path):
    file = tmp_path / "config.yaml"
    version = {"name": "v2", "model": {"architecture": "mobilenet_v2"}, "scaling": {"cpus": 1, "max_replicas": 9}}
    models = [{"kind": "faq_matcher"}, {"kind": "image_classifier", "name": "cats", "versions": [version]}]
    content = lay_out({"profile": "production", "models": models}, "mine")
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    config = read_config(file)
    assert application_name(config) == "mine"
    changed, deployment = scaled(config, "image_classifier", max_replicas=2)
    assert deployment == "cats-v2"
    name, found = first_version(changed, "image_classifier")
    assert name == "cats"
    assert found["model"] == {"architecture": "mobilenet_v2"}
    assert found["scaling"] == {"cpus": 1, "max_replicas": 2}
    assert arguments(changed)["profile"] == "production"
    assert arguments(changed)["ingress"]["access"] == {"required": False}
    assert len(arguments(config)["models"]) == 2


def test_a_kind_that_is_not_there_is_named(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(lay_out({"models": [{"kind": "faq_matcher"}]})), encoding="utf-8")
    with pytest.raises(BenchmarkError, match="image_classifier"):
        first_version(read_config(file), "image_classifier")


@pytest.mark.parametrize("content", ["", "[]", "applications: []", "a: ["])
def test_bad_files_are_refused_in_a_sentence(tmp_path, content):
    file = tmp_path / "config.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"config\.yaml"):
        read_config(file)
