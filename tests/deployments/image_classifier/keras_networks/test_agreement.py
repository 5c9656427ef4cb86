"""Every way in which a network of Keras runs answers as Keras's own `predict` after its own `preprocess_input`."""

import numpy as np
import pytest

from deployments.contracts import PreparedImage
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.engines.engine import EngineOptions
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.keras_networks.library import keras

from .conftest import CLASSES, SIDE, small

# Noise of several colours, so that answers differ.
IMAGES = (probe(SIDE, 7) * np.random.default_rng(1).random((7, 1, 1, 3))).astype(np.uint8)
preprocess_input = keras.applications.imagenet_utils.preprocess_input


def engines_of(source):
    """Yield the answers of Keras's engine, in parts of 3 images, and of the network converted to OpenVINO."""
    yield source.load().engine(EngineOptions(threads=1, max_batch=3))
    pytest.importorskip("openvino")
    with converted(source, "openvino") as model:
        yield open_converted(model, "fp32", max_batch=3)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("form", ["network.keras", "saved"])
def test_files_answer_as_keras_does(network, files, source_of, mode, form):
    expected = network.predict(preprocess_input(IMAGES.astype(np.float32), mode=mode), verbose=0)
    # Else any answer would do.
    assert np.ptp(expected, axis=0).max() > 0.01
    for engine in engines_of(source_of(uri=files / form, normalization=mode)):
        for count in (1, 3, 7):
            answers = engine.infer(IMAGES[:count])
            assert answers.dtype == np.float32
            np.testing.assert_allclose(answers, expected[:count], atol=1e-5)


@pytest.mark.parametrize(
    ("normalization", "by_hand"),
    [
        ("none", lambda pixels: pixels),
        ("unit", lambda pixels: pixels / 255),
        (
            {"mean": [0.1, 0.2, 0.3], "std": [0.5, 1, 2], "channels": "BGR"},
            lambda pixels: (pixels[..., ::-1] / 255 - np.array([0.1, 0.2, 0.3])) / np.array([0.5, 1, 2]),
        ),
    ],
)
def test_pixels_are_normalized_as_the_settings_say(network, source_of, normalization, by_hand):
    expected = network.predict(by_hand(IMAGES.astype(np.float64)).astype(np.float32), verbose=0)
    np.testing.assert_allclose(source_of(normalization=normalization).load().infer(IMAGES), expected, atol=1e-5)


def test_logits_become_probabilities(source_of, tmp_path):
    model = small(top=None)
    model.save(tmp_path / "logits.keras")
    logits = model.predict(preprocess_input(IMAGES.astype(np.float32), mode="tf"), verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for engine in engines_of(source_of(uri=tmp_path / "logits.keras", outputs="logits")):
        np.testing.assert_allclose(engine.infer(IMAGES), expected, atol=1e-5)


def test_layers_of_half_precision_give_probabilities_too(source_of, tmp_path):
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = small()
    finally:
        keras.config.set_dtype_policy(before)
    model.save(tmp_path / "half.keras")
    expected = model.predict(preprocess_input(IMAGES.astype(np.float32), mode="tf"), verbose=0).astype(np.float32)
    engine = source_of(uri=tmp_path / "half.keras").load().engine(EngineOptions(threads=1, max_batch=32))
    np.testing.assert_allclose(engine.infer(IMAGES), expected, atol=0.02)


@pytest.mark.parametrize("application", ["MobileNet", "MobileNetV3Small"])
def test_an_application_answers_as_keras_has_it(source_of, application):
    source = source_of(application=application, download=False, seed=3, labels_uri=None)
    assert (source.weights, len(source.labels), source.preset.crop) == ("untrained", 1000, 224)
    keras.utils.set_random_seed(3)
    model = getattr(keras.applications, application)(weights=None)
    module = {"MobileNet": "mobilenet", "MobileNetV3Small": "mobilenet_v3"}[application]
    images = probe(224, 2)
    prepared = getattr(keras.applications, module).preprocess_input(images.astype(np.float32))
    expected = model.predict(prepared, verbose=0)
    for engine in engines_of(source):
        np.testing.assert_allclose(engine.infer(images), expected, atol=1e-5)


def test_the_classifier_names_the_classes(settings_of, network):
    classifier = ImageClassifier.load(settings_of(engine="keras"), allow_untrained=False)
    classifier.warm_up()
    expected = network.predict(preprocess_input(IMAGES.astype(np.float32), mode="tf"), verbose=0)
    results = classifier.score([PreparedImage(image, top_k=1) for image in IMAGES])
    assert [result.labels for result in results] == [[f"class {index}"] for index in expected.argmax(1)]
    description = classifier.describe()
    assert (description.platform, description.weights) == ("keras", "trained")
    facts = description.parameters
    assert (facts["engine"], facts["precision"], facts["device"]) == ("keras", "fp32", "cpu")
    assert facts["classes"] == CLASSES
    assert facts["source"] == "network.keras"


def test_images_that_the_network_cannot_take_raise_a_runtime_error(source_of):
    for engine in engines_of(source_of()):
        with pytest.raises(RuntimeError):
            engine.infer(np.zeros((1, SIDE, SIDE, 1), np.uint8))


def test_answers_stay_when_the_next_come(source_of):
    engine = source_of().load().engine(EngineOptions(threads=1, max_batch=3))
    first = engine.infer(IMAGES[:1])
    before = first.copy()
    engine.infer(IMAGES[1:])
    np.testing.assert_array_equal(first, before)
