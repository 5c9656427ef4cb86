import pytest

from cluster.settings import read_settings
from deployments.errors import StartupError


def test_the_application_is_found_from_the_file_on(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("application: ../serve.yaml\nworkers: [{name: cpu}]\n")
    settings = read_settings(path)
    assert settings.application == tmp_path / "../serve.yaml"
    assert settings.workers[0].resources.memory == "4Gi"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("application: a.yaml\nnmae: x\n", "nmae"),
        ("application: a.yaml\nname: Not-Lower\n", "name"),
        ("application: a.yaml\nhead: {memory: lots}\n", "head.memory"),
        ("a: [\n", "cannot be read as YAML"),
        ("- a list\n", "is not valid"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, problem):
    path = tmp_path / "cluster.yaml"
    path.write_text(content)
    with pytest.raises(StartupError, match=problem):
        read_settings(path)
