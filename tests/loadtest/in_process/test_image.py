"""The image classifier without a service, in this process."""

import numpy as np
import pytest
import torch
import torchvision

from deployments.errors import StartupError
from deployments.image_classifier.settings import ImageClassifierSettings
from loadtest.in_process import image, image_answers, image_files
from loadtest.payloads import generated_photo


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A state dict of a small network."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    return path


@pytest.fixture
def settings(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    return {"architecture": "squeezenet1_1", "weights": "DEFAULT", "weights_uri": str(weights)}


@pytest.fixture
def photos(tmp_path):
    """Two photos, with a table of their classes."""
    found = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    for path in found:
        path.write_bytes(generated_photo())
    table = tmp_path / "classes.csv"
    table.write_text("file,class_index\na.jpg,3\nb.jpg,5\n", encoding="utf-8")
    return found, table


def test_measures_photos_and_batches(settings):
    model = {"model": {**settings, "engine": "torch", "precision": "fp32"}, "allow_untrained": False}
    loaded = image.InProcess(model, [generated_photo()])
    assert loaded.facts["architecture"] == "squeezenet1_1"
    photo = loaded.answer({"do": "photo", "seconds": 0})
    assert photo["count"] == 1
    assert photo["total"] == pytest.approx(photo["decode"] + photo["infer"])
    batch = loaded.answer({"do": "batch", "size": 3, "seconds": 0})
    assert batch["count"] == 1
    # The rate counts the time between batches as well.
    assert 0 < batch["images_per_second"] <= 3 / batch["p50_ms"] * 1e3
    memory = loaded.answer({"do": "memory"})
    assert 0 < memory["resident_mib"] <= memory["peak_mib"]


def test_memory_is_read_in_mib(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n", encoding="ascii")
    assert image.memory(tmp_path / "status") == {"resident_mib": 2.0, "peak_mib": 4.0}


def test_as_it_comes_answers_as_the_engine(settings):
    shared = {"model": {**settings, "engine": "torch", "precision": "fp32"}, "allow_untrained": False}
    plain = image.InProcess({**shared, "as_it_comes": True})
    own = image.InProcess(shared)
    images = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8)
    assert plain._engine.infer(images) == pytest.approx(own._engine.infer(images), abs=1e-4)
    assert type(plain._engine) is not type(own._engine)


def test_random_weights_are_written_for_all_engines(settings, tmp_path):
    known = image_files.find_torchvision(ImageClassifierSettings.model_validate(settings), allow_untrained=False)
    assert image_files.weights_file(known, tmp_path) == known.file.path
    random = image_files.TorchvisionSource(known.architecture, known.known, known.labels, None, seed=5)
    path = image_files.weights_file(random, tmp_path)
    again = image_files.find_torchvision(
        ImageClassifierSettings.model_validate({**settings, "weights_uri": str(path)}), allow_untrained=False
    )
    assert again.weights == "trained"


def test_a_photo_that_cannot_be_read_is_refused(settings):
    preset = image_files.find_torchvision(
        ImageClassifierSettings.model_validate(settings), allow_untrained=False
    ).preset
    assert image_files.prepared([generated_photo()], preset).shape == (1, preset.crop, preset.crop, 3)
    with pytest.raises(StartupError, match="A photo cannot be used"):
        image_files.prepared([b"no photo"], preset)


def test_answers_are_compared_with_the_reference(settings, photos):
    answers = image_answers.Answers(settings, *photos)
    assert answers.facts["photos"] == 2
    found = answers.of({**settings, "engine": "torch", "precision": "fp32", "device": "cpu"}, None)
    assert found["agreement"] == 1
    assert found["difference"] < 1e-4
    assert found["others"] == {}
    assert found["facts"]["engine"] == "torch"


def test_photos_without_classes_are_refused(settings, photos):
    paths, table = photos
    table.write_text("file,class_index\nc.jpg,3\n", encoding="utf-8")
    with pytest.raises(StartupError, match="names none of the photos"):
        image_answers.Answers(settings, paths, table)


def test_a_quantized_network_is_judged_by_what_it_has_not_seen(settings, photos, monkeypatch):
    seen = []
    answers = image_answers.Answers(settings, *photos)
    answers._pixels[0], answers._pixels[1] = 10, 20
    monkeypatch.setattr(image_answers, "with_mirrored", lambda images: seen.append(int(images.max())) or images)
    parts = list(answers._parts("openvino"))
    assert [answers._pixels[judged].max() for judged, _ in parts] == [10, 20]
    assert seen == [20, 10]


def test_mirror_images_are_added():
    images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    found = image_answers.with_mirrored(images)
    assert found.shape == (4, 4, 4, 3)
    assert (found[2, :, 0] == images[0, :, -1]).all()


def test_a_difference_names_the_photos_that_changed():
    expected = np.array([[0.6, 0.4], [0.3, 0.7]], np.float32)
    found = np.array([[0.45, 0.55], [0.2, 0.8]], np.float32)
    said = image_answers.difference(found, expected, np.array([0, 1]), ["a", "b"])
    assert said["agreement"] == 0.5
    assert said["difference"] == pytest.approx(0.15)
    assert said["difference_mean"] == pytest.approx(0.125)
    assert said["accuracy"] == (0.5, 1.0)
    assert said["others"] == {"a": pytest.approx(0.2)}
