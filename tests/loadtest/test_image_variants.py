"""The engines that are compared: which, where, with which settings."""

import json

import pytest

from deployments.image_classifier.settings import ImageClassifierSettings
from loadtest.errors import BenchmarkError
from loadtest.image_variants import REFERENCE, VARIANTS, Network, chosen

NOT_YET = {"compile"}


def names(device, only=None):
    return [variant.name for variant in chosen(device, only)]


def test_names_tell_variants_apart():
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)


def test_each_device_has_its_variants_and_the_reference_first():
    for device in ("cpu", "cuda"):
        assert names(device)[0] == REFERENCE.name
    assert {"OpenVINO bf16", "OpenVINO int8", "ONNX Runtime int8", "Keras fp32"} <= set(names("cpu"))
    assert {"PyTorch fp16", "PyTorch bf16, compiled"} <= set(names("cuda"))
    assert not {"PyTorch fp16", "PyTorch bf16, compiled"} & set(names("cpu"))
    assert not any("OpenVINO" in name for name in names("cuda"))


def test_some_may_be_chosen_and_the_reference_stays():
    assert names("cpu", ["openvino i", "openvino f"]) == [REFERENCE.name, "OpenVINO fp32", "OpenVINO int8"]
    assert names("cpu", ["as it comes"]) == [REFERENCE.name]
    with pytest.raises(BenchmarkError, match="there are: PyTorch as it comes"):
        chosen("cpu", ["abacus"])


@pytest.mark.parametrize("variant", [each for each in VARIANTS if not NOT_YET & {*each.engine, *each.engine.values()}])
def test_the_product_takes_the_settings(variant):
    network = Network("mobilenet_v2", "weights.pth")
    more = {"model_dir": "directory"} if variant.quantized else {}
    settings = json.loads(network.loaded(variant, variant.devices[0], max_batch=8, **more))
    model = ImageClassifierSettings.model_validate(settings["model"])
    assert (model.engine, model.precision, model.max_batch) == (variant.engine["engine"], variant.precision, 8)
    assert (model.model_dir, model.architecture) == (
        ("directory", "resnet152") if variant.quantized else (None, "resnet152" if variant.of_keras else "mobilenet_v2")
    )
    assert (model.keras and model.keras.application) == ("MobileNetV2" if variant.of_keras else None)
    assert settings["as_it_comes"] == (variant is REFERENCE)


def test_a_network_that_keras_does_not_have_is_refused():
    (variant, *_) = (each for each in VARIANTS if each.of_keras)
    with pytest.raises(BenchmarkError, match="Keras has no vit_b_16"):
        Network("vit_b_16").loaded(variant, "cpu")
