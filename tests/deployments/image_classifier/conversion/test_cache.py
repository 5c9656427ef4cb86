import dataclasses

import numpy as np
import pytest
import torch

from deployments.errors import StartupError
from deployments.image_classifier.conversion import cache as module
from deployments.image_classifier.conversion.cache import cache_key, converted
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source
from deployments.image_classifier.torchvision_networks.classification import load_network
from deployments.image_classifier.torchvision_networks.network import TorchNetwork


@pytest.fixture
def source(squeezenet):
    settings = ImageClassifierSettings(
        architecture="squeezenet1_1", weights="IMAGENET1K_V1", weights_uri=str(squeezenet)
    )
    return find_source(settings, allow_untrained=False)


@pytest.fixture
def entries(cache):
    return lambda: sorted(cache.parent.joinpath("converted").iterdir())


def test_a_network_is_converted_once(source, entries, monkeypatch):
    with converted(source, "openvino") as first:
        about = first.about
    monkeypatch.setattr(module, "_convert", None)
    with converted(source, "openvino") as second:
        assert second.about == about
        assert second.about.labels == source.labels
        assert second.about.facts["sha256"] == source.file.sha256
        assert [second.directory] == entries()


def test_damaged_files_are_converted_again(source, entries, caplog):
    with converted(source, "openvino") as model:
        whole = model.network.with_suffix(".bin").read_bytes()
        model.network.with_suffix(".bin").write_bytes(whole[:-1])
    with converted(source, "openvino") as model:
        assert model.network.with_suffix(".bin").read_bytes() == whole
    assert len(entries()) == 1
    assert "model.bin is not the file that was saved" in caplog.text


def test_the_key_is_made_of_what_decides_the_answers(source):
    key = cache_key(source, "openvino")
    assert key == cache_key(dataclasses.replace(source, why_untrained="no connection"), "openvino")
    file = dataclasses.replace(source.file, sha256="0" * 64)
    preset = dataclasses.replace(source.known.preset, mean=(0.5, 0.5, 0.5))
    others = [
        dataclasses.replace(source, architecture="squeezenet1_0"),
        dataclasses.replace(source, file=file),
        dataclasses.replace(source, file=None),
        dataclasses.replace(source, file=None, seed=1),
        dataclasses.replace(source, labels=source.labels[1:]),
        dataclasses.replace(source, known=dataclasses.replace(source.known, preset=preset)),
        dataclasses.replace(source, known=dataclasses.replace(source.known, options={"aux_logits": False})),
    ]
    keys = {key, cache_key(source, "onnx"), *(cache_key(other, "openvino") for other in others)}
    assert len(keys) == len(others) + 2


def test_a_cache_that_cannot_be_written_costs_only_the_next_conversion(source, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "file"))
    with converted(source, "openvino") as model:
        engine = open_converted(model, "fp32")
    assert not model.directory.exists()
    images = probe(224, 2)
    with torch.inference_mode():
        expected = load_network(source)(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(engine.infer(images), expected, atol=1e-5)
    assert "cannot be kept" in caplog.text


def test_a_network_that_answers_otherwise_is_not_kept(source, entries, monkeypatch):
    monkeypatch.setattr(TorchNetwork, "infer", lambda self, images: np.zeros((len(images), 1000), np.float32))
    with pytest.raises(ConversionError, match=r"probabilities differ by up to .* more than 0\.001"):  # noqa: SIM117
        with converted(source, "openvino"):
            pass
    assert entries() == []


def test_an_error_of_the_weights_stays_one(source, tmp_path):
    torch.save({}, tmp_path / "w.pth")
    wrong = dataclasses.replace(source, file=dataclasses.replace(source.file, path=tmp_path / "w.pth", sha256="1"))
    with pytest.raises(StartupError, match="does not fit"):  # noqa: SIM117
        with converted(wrong, "openvino"):
            pass


def test_the_process_that_was_faster_is_followed(source, entries, monkeypatch):
    convert = module._convert

    def slower(*arguments):
        monkeypatch.setattr(module, "_convert", convert)
        with converted(source, "openvino") as faster:
            slower.first = faster.network.stat().st_ino
        return convert(*arguments)

    monkeypatch.setattr(module, "_convert", slower)
    with converted(source, "openvino") as model:
        assert model.network.stat().st_ino == slower.first
    assert len(entries()) == 1
