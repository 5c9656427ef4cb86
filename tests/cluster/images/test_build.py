import json
import os
from pathlib import Path

import pytest

from cluster.images.build import build, image_name
from cluster.images.engine import Engine, find_engine, is_in_registry
from cluster.settings import ImageSettings
from deployments.errors import StartupError

LOCAL = ImageSettings(tag="1")
REMOTE = ImageSettings(repository="registry.example/ray-scoring", tag="1")

# A client that knows some images, and notes how it was called and what the secrets were.
DOCKER = """#!/usr/bin/env python3
import json, os, sys
home, arguments = {home!r}, sys.argv[1:]
secrets = [open(one.partition("src=")[2]).read() for one in arguments if one.startswith("id=")]
with open(home + "/calls", "a") as calls:
    calls.write(json.dumps([arguments, secrets, os.environ.get("DOCKER_BUILDKIT")]) + "\\n")
if arguments[0] == "version":
    print({version!r})
elif arguments[0] == "buildx":
    sys.exit({buildx!r})
elif arguments[1] == "inspect" and arguments[0] + ":" + arguments[-1] not in {known!r}:
    sys.exit({error!r})
"""


@pytest.fixture
def docker(tmp_path):
    def make(folder="bin", *, known=(), error="Error: No such image: x", version="20.10.24", buildx=1):
        program = tmp_path / folder / "docker"
        program.parent.mkdir()
        text = DOCKER.format(home=str(program.parent), known=list(known), error=error, version=version, buildx=buildx)
        program.write_text(text)
        program.chmod(0o755)
        return program

    return make


def calls(program, kind):
    lines = (program.parent / "calls").read_text().splitlines()
    return [call for call in map(json.loads, lines) if call[0][0] == kind]


def test_an_image_that_is_missing_is_built(docker):
    program = docker()

    assert build(LOCAL, "cpu", Engine(str(program)), network="host") == "built"
    ((arguments, _, build_kit),) = calls(program, "build")
    text = " ".join(arguments)
    assert build_kit == "1"
    assert "--target cpu --tag ray-scoring:1" in text
    assert "--build-arg BASE=python:3.11-slim-bookworm --build-arg LOCK=cluster-cpu" in text
    assert "--network host" in text


@pytest.mark.parametrize(
    ("settings", "known", "outcome"),
    [
        (LOCAL, ["image:ray-scoring:1"], "in the engine"),
        (REMOTE, ["image:registry.example/ray-scoring:1"], "in the engine"),
        (REMOTE, ["manifest:registry.example/ray-scoring:1"], "in the registry"),
    ],
)
def test_an_image_that_is_there_is_not_built(docker, settings, known, outcome):
    program = docker(known=known)

    assert build(settings, "cpu", Engine(str(program))) == outcome
    assert calls(program, "build") == []


def test_a_name_without_registry_asks_none(docker):
    program = docker()
    build(LOCAL, "cpu", Engine(str(program)))

    assert calls(program, "manifest") == []


def test_force_builds_what_is_there(docker):
    program = docker(known=["image:ray-scoring:1"])

    assert build(LOCAL, "cpu", Engine(str(program)), force=True) == "built"


def test_an_engine_that_does_not_answer_is_no_missing_image(docker):
    program = docker(error="Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")

    with pytest.raises(StartupError, match="docker image inspect` failed: Cannot connect"):
        build(LOCAL, "cpu", Engine(str(program)))


def test_a_registry_that_refuses_is_no_missing_image(docker):
    program = docker(error="unauthorized: authentication required")

    with pytest.raises(StartupError, match="unauthorized"):
        Engine(str(program)).registry_has("registry.example/a:1")


def test_the_address_of_an_index_goes_by_secret_only(docker, monkeypatch, tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@index.example/simple")
    monkeypatch.setenv("PIP_CERT", str(bundle))
    program = docker()
    build(LOCAL, "cpu", Engine(str(program)))
    ((arguments, secrets, _),) = calls(program, "build")

    assert "index.example" not in " ".join(arguments)
    assert "index-url = https://me:secret@index.example/simple" in secrets[0]
    assert "cert = /run/secrets/ca-bundle" in secrets[0]
    assert secrets[1] == "certificates"
    files = [one.partition("src=")[2] for one in arguments if one.startswith("id=pip-config")]
    assert files
    assert not Path(files[0]).exists()


def test_proxies_go_by_name_only(docker, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    program = docker()
    build(LOCAL, "cpu", Engine(str(program)))
    ((arguments, _, _),) = calls(program, "build")

    assert arguments[arguments.index("HTTPS_PROXY") - 1] == "--build-arg"
    assert not [one for one in arguments if "secret@" in one]


def test_a_build_that_fails_says_so(tmp_path):
    with pytest.raises(StartupError, match="lines above"):
        Engine("/bin/false").build([], tmp_path)


def test_the_first_client_with_build_kit_is_taken(docker):
    new = docker("new", version="28.2.2")
    old = docker("old")

    found = find_engine({"PATH": os.pathsep.join([str(new.parent), str(old.parent)])})
    assert found._program == str(old)


@pytest.mark.parametrize(("version", "buildx"), [("28.2.2", 0), ("20.10.24", 1)])
def test_a_client_with_build_kit_is_taken(docker, version, buildx):
    program = docker(version=version, buildx=buildx)

    assert find_engine({"PATH": str(program.parent)})._program == str(program)


def test_a_client_without_build_kit_is_named(docker):
    program = docker(version="28.2.2")

    with pytest.raises(StartupError, match="buildx"):
        find_engine({"PATH": str(program.parent)})


def test_a_machine_without_docker_is_named(tmp_path):
    with pytest.raises(StartupError, match="no `docker` on the path"):
        find_engine({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ray-scoring:1", False), ("team/ray-scoring:1", False), ("registry.example/a:1", True),
        ("localhost/a:1", True), ("registry:5000/a:1", True),
    ],
)  # fmt: skip
def test_names_with_a_registry(name, expected):
    assert is_in_registry(name) == expected


def test_a_tag_of_ones_own_is_the_name():
    settings = ImageSettings(tag="1", gpu_tag="2")

    assert image_name(settings, "cpu") == "ray-scoring:1"
    assert image_name(settings, "gpu") == "ray-scoring:2"
    assert image_name(LOCAL, "gpu").startswith("ray-scoring:gpu-")
