from pathlib import Path

import pytest
import yaml

from cluster.manifests.objects import objects
from cluster.settings import ClusterSettings, read_settings
from serve_app.layout import lay_out

EXAMPLES = Path(__file__).parents[3] / "cluster" / "examples"


@pytest.fixture(params=["local", "aks"])
def example(request):
    """The settings of an example."""
    return read_settings(EXAMPLES / f"{request.param}.settings.yaml")


@pytest.fixture
def local():
    return read_settings(EXAMPLES / "local.settings.yaml")


@pytest.fixture
def aks():
    return read_settings(EXAMPLES / "aks.settings.yaml")


@pytest.fixture
def changed():
    """Settings with other values, which are checked as those of a file are."""

    def change(settings: ClusterSettings, **values) -> ClusterSettings:
        return ClusterSettings.model_validate({**settings.model_dump(), **values})

    return change


@pytest.fixture
def of_kind():
    """The objects of a kind."""

    def find(settings: ClusterSettings, kind: str) -> list:
        return [each for each in objects(settings) if each["kind"] == kind]

    return find


@pytest.fixture
def application_file(tmp_path):
    """Write an application's config file."""

    def write(arguments: str) -> Path:
        path = tmp_path / "serve.yaml"
        path.write_text(yaml.safe_dump(lay_out(yaml.safe_load(arguments))))
        return path

    return write
