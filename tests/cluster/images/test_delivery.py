import json
import sys

import pytest

from cluster.images.delivery import deliver
from cluster.images.engine import Engine
from cluster.settings import ClusterSettings
from deployments.errors import StartupError


class NotedEngine(Engine):
    """Has some images, and notes what it is told."""

    def __init__(self, has=()):
        self.images, self.calls = set(has), []

    def has(self, image):
        return image in self.images

    def registry_has(self, image):
        return False

    def build(self, options, context):
        self.calls.append(("build", options[options.index("--target") + 1]))

    def push(self, image):
        self.calls.append(("push", image))

    def save(self, image, archive):
        archive.write_text(image)


def settings(repository="registry.example/ray-scoring", **values):
    image = {"repository": repository, "tag": "1", "gpu_tag": "2"}
    return ClusterSettings.model_validate({"application": "serve.yaml", "image": image, **values})


def test_what_is_missing_is_built_and_pushed():
    engine, told = NotedEngine(), []
    deliver(settings(), told.append, engine=engine)
    assert engine.calls == [("build", "cpu"), ("push", "registry.example/ray-scoring:1")]
    assert told == ["registry.example/ray-scoring:1: built", "registry.example/ray-scoring:1: pushed"]


def test_groups_with_gpus_have_an_image_of_their_own():
    engine = NotedEngine()
    deliver(settings(workers=[{"name": "cpu"}, {"name": "gpu", "gpus": 1}]), print, engine=engine)
    assert [what for kind, what in engine.calls if kind == "build"] == ["cpu", "gpu"]


def test_a_command_gives_the_archive_to_the_nodes(tmp_path):
    program = tmp_path / "load.py"
    program.write_text(
        "import json, sys; open(sys.argv[1], 'w').write(json.dumps([sys.argv[2], open(sys.argv[3]).read()]))"
    )
    told = tmp_path / "told.json"
    engine = NotedEngine(["ray-scoring:1"])
    deliver(settings("ray-scoring"), print, engine=engine, load=f"{sys.executable} {program} {told} image-archive")
    assert json.loads(told.read_text()) == ["image-archive", "ray-scoring:1"]
    assert engine.calls == []


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (None, "names no registry.*--load"),
        ("nowhere-at-all", "cannot be run"),
        (f"{sys.executable} -c 'raise SystemExit(\"no node\")'", "did not load ray-scoring:1: no node"),
    ],
)
def test_what_cannot_be_delivered_says_why(load, message):
    with pytest.raises(StartupError, match=message):
        deliver(settings("ray-scoring"), print, engine=NotedEngine(["ray-scoring:1"]), load=load)


def test_docker_writes_archives(tmp_path):
    program = tmp_path / "docker"
    program.write_text(f"#!{sys.executable}\nimport sys; open(sys.argv[3], 'w').write(' '.join(sys.argv[1:]))\n")
    program.chmod(0o755)
    Engine(str(program)).save("ray-scoring:1", tmp_path / "archive")
    assert (tmp_path / "archive").read_text() == f"save --output {tmp_path / 'archive'} ray-scoring:1"
