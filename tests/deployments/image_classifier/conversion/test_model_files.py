import json

import pytest

from deployments.contracts import ImagePreset
from deployments.destinations import staged
from deployments.errors import StartupError
from deployments.image_classifier.conversion.model_files import (
    MANIFEST,
    About,
    is_model,
    read,
    seal,
)

PRESET = ImagePreset(256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
ABOUT = About(
    kind="onnx",
    precision="fp32",
    weights="trained",
    preset=PRESET,
    labels=("cat", "Vögel"),
    facts={"architecture": "squeezenet1_1", "classes": 2},
    versions={"torch": "2.9"},
)


@pytest.fixture
def model(tmp_path):
    directory = tmp_path / "models" / "cats"
    directory.mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"network")
    return seal(directory, ABOUT)


def test_what_was_written_is_read(model):
    assert read(model.directory) == model
    assert read(model.directory).about == ABOUT
    assert model.network.read_bytes() == b"network"
    assert model.size == 7
    assert is_model(model.directory)


def test_a_model_takes_the_place_of_another_and_nothing_is_left(model):
    with staged(model.directory, replace=True) as new:
        (new / "model.onnx").write_bytes(b"newer")
        seal(new, ABOUT)
    assert read(model.directory).network.read_bytes() == b"newer"
    assert [path.name for path in model.directory.parent.iterdir()] == ["cats"]


def test_a_file_that_was_changed_is_refused(model):
    model.network.write_bytes(b"netwerk")
    with pytest.raises(StartupError, match=r"damaged \(model\.onnx is not the file that was saved\): convert it again"):
        read(model.directory)


def test_a_file_that_is_gone_is_named(model):
    model.network.unlink()
    with pytest.raises(StartupError, match=r"model\.onnx cannot be read"):
        read(model.directory)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "ray-scoring-faq", "format_version": 1}', b"\xff"])
def test_another_directory_is_no_model(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content)
    assert not is_model(tmp_path)
    with pytest.raises(StartupError, match="holds no converted image model: make one with `scoring image convert`"):
        read(tmp_path)
    with pytest.raises(StartupError, match="holds no converted image model"):
        read(tmp_path / "none")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "has format 99, this program reads 1"),
        ({"about": {}}, "not complete"),
        ({"files": {}}, "does not name the files"),
        ({"files": {"model.onnx": "0", "../secret": "0"}}, "does not name the files"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(model, change, message):
    manifest = json.loads((model.directory / MANIFEST).read_text())
    (model.directory / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(StartupError, match=message):
        read(model.directory)
