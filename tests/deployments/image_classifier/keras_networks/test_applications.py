"""What Keras says of its applications."""

import numpy as np
import pytest

from deployments.errors import StartupError
from deployments.image_classifier.keras_networks.applications import known, normalization_of
from deployments.image_classifier.keras_networks.library import keras
from deployments.image_classifier.keras_settings import NORMALIZATIONS

preprocess_input = keras.applications.imagenet_utils.preprocess_input


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_the_modes_are_those_of_keras(mode):
    mean, std, channels = normalization_of(lambda pixels, **options: preprocess_input(pixels, mode=mode, **options))
    given = NORMALIZATIONS[mode]
    assert channels == given.channels
    np.testing.assert_allclose(mean, given.mean, atol=1e-6)
    np.testing.assert_allclose(std, given.std, rtol=1e-6)


@pytest.mark.parametrize(
    ("application", "mode", "side"),
    [
        ("ResNet50", "caffe", 224),
        ("ResNet50V2", "tf", 224),
        ("MobileNetV3Small", "none", 224),
        ("DenseNet121", "torch", 224),
        ("EfficientNetB1", "none", 240),
        ("Xception", "tf", 299),
    ],
)
def test_each_application_is_known_with_its_own(application, mode, side):
    found = known(application)
    assert found.url.startswith("https://storage.googleapis.com/")
    assert len(found.digest) in {32, 64}
    given = NORMALIZATIONS[mode]
    assert (found.preset.crop, found.preset.channels) == (side, given.channels)
    np.testing.assert_allclose(found.preset.mean, given.mean, atol=1e-6)
    np.testing.assert_allclose(found.preset.std, given.std, rtol=1e-6)


def test_weights_are_never_downloaded_to_find_out_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    known("MobileNet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ResNet151", "resnet", "__file__", "../x"])
def test_an_unknown_application_is_refused_with_the_nearest(name):
    with pytest.raises(StartupError, match=r"^keras\.application must be a network of keras\.appl.*near: "):
        known(name)


def test_a_preparation_of_another_kind_is_refused():
    with pytest.raises(StartupError, match=r"give keras\.normalization"):
        normalization_of(lambda pixels, **_: pixels.mean(-1, keepdims=True) + pixels)
