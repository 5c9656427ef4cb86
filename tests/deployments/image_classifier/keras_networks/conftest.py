"""Small networks of Keras, made here."""

from pathlib import Path

import pytest

pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from deployments.image_classifier.keras_networks.library import keras
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source

SIDE, CLASSES = 32, 5


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            # Of Keras with NumPy 2, once for each variable.
            item.add_marker(pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"))


def small(top="softmax", side=SIDE, inner=None):
    """A few convolutions; `inner` is a further layer of the test's own."""
    layers = keras.layers
    pixels = layers.Input((side, side, 3))
    signals = layers.Conv2D(8, 3, strides=2)(pixels)
    signals = layers.BatchNormalization()(signals)
    signals = layers.DepthwiseConv2D(3, activation="relu")(signals)
    signals = inner(signals) if inner is not None else signals
    # So that pixels of whatever scale give answers of some uncertainty.
    signals = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(signals))
    return keras.Model(pixels, layers.Dense(CLASSES, activation=top)(signals))


@pytest.fixture(scope="session")
def network():
    """Random weights, the same each time."""
    keras.utils.set_random_seed(7)
    return small()


@pytest.fixture(scope="session")
def files(network, tmp_path_factory):
    """The network as a .keras file and as a SavedModel, and its labels."""
    directory = tmp_path_factory.mktemp("keras")
    network.save(directory / "network.keras")
    network.export(directory / "saved", verbose=False)
    (directory / "labels.txt").write_text("".join(f"class {index}\n" for index in range(CLASSES)))
    return directory


@pytest.fixture
def settings_of(files):
    """Settings of a network in a file, or of an application by name."""

    def settings(*, labels_uri=str(files / "labels.txt"), **given):
        top = {name: given.pop(name) for name in ("engine", "precision", "download", "seed", "device") if name in given}
        if "application" not in given:
            given = {"uri": str(files / "network.keras"), "normalization": "tf", "crop": SIDE, **given}
        given = {name: str(value) if name == "uri" else value for name, value in given.items()}
        return ImageClassifierSettings(keras=given, labels_uri=labels_uri, **{"device": "cpu", **top})

    return settings


@pytest.fixture
def source_of(settings_of):
    return lambda **given: find_source(settings_of(**given), allow_untrained=True)
