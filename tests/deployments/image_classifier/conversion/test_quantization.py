import numpy as np
import pytest

from deployments.errors import StartupError
from deployments.image_classifier.conversion import quantization
from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import read
from deployments.image_classifier.conversion.quantization import quantize
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source


@pytest.fixture
def source(squeezenet):
    settings = ImageClassifierSettings(
        architecture="squeezenet1_1", weights="IMAGENET1K_V1", weights_uri=str(squeezenet)
    )
    return find_source(settings, allow_untrained=False)


@pytest.mark.parametrize("kind", ["openvino", "onnx"])
def test_a_quantized_network_is_smaller_and_answers_nearly_the_same(source, kind, tmp_path):
    pytest.importorskip("nncf")
    pytest.importorskip({"onnx": "onnxruntime"}.get(kind, kind))
    images = probe(224, 3)
    with converted(source, kind) as model:
        quantized = quantize(model, images, tmp_path)
        assert quantized.size < model.size / 2
        expected = open_converted(model, "fp32").infer(images)
    assert read(tmp_path) == quantized
    assert (quantized.about.precision, quantized.about.facts["calibration_images"]) == ("int8", 3)
    answers = open_converted(quantized, "int8", max_batch=2).infer(images)
    # The weights are random: all classes are about as probable, 1 in 1,000.
    np.testing.assert_allclose(answers, expected, atol=1e-3)
    assert np.abs(answers - expected).max() > 0


def test_what_nncf_cannot_do_is_an_error_of_the_conversion(source, tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("unsupported")

    monkeypatch.setitem(quantization._QUANTIZERS, "openvino", fail)
    with converted(source, "openvino") as model, pytest.raises(ConversionError, match=r"cannot quantize .*ValueError"):
        quantize(model, probe(224), tmp_path)


def test_without_nncf_it_is_said_what_to_install(source, tmp_path, monkeypatch):
    with converted(source, "openvino") as model:
        monkeypatch.setattr(quantization, "installed", lambda _: None)
        with pytest.raises(StartupError, match=r"ray-scoring\[quantization\]"):
            quantize(model, probe(224), tmp_path)
