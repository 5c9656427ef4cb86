"""The whole network in TensorFlow, from pixels to probabilities: what engines run and conversions start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import ImagePreset
from deployments.errors import StartupError
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.engines.engine import Engine, EngineOptions, Kind
from deployments.image_classifier.engines.keras_engine import KerasEngine
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.keras_networks.library import settle, tf
from deployments.image_classifier.keras_networks.reading import ReadNetwork, read
from deployments.image_classifier.keras_networks.source import KerasSource

CHANNELS = 3

# Of what it gives: images by classes.
RANK = 2

# Of the sum of probabilities, which networks may compute in half precision.
SUM_TOLERANCE = 0.05


class KerasClassification:
    """A `Network` of Keras: normalization, the network, softmax where it has none of its own.

    Args:
        network: as it was read.
        source: what it is.
    """

    def __init__(self, network: ReadNetwork, source: KerasSource) -> None:
        self._network = network
        self._source = source
        self._preset = source.preset
        side = self._preset.crop
        shape = tf.TensorSpec((None, side, side, CHANNELS), tf.uint8, name="images")
        self._graph = tf.function(self._probabilities, input_signature=[shape])

    @classmethod
    def load(cls, source: KerasSource) -> KerasClassification:
        """Build the network and see that it answers; see `Source.load`.

        Raises:
            StartupError: as there; or it takes other images, gives something else than the probability of each label.
        """
        settle(source.threads, gpu=source.gpu)
        classification = cls(read(source), source)
        classification.check()
        return classification

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return self._network.size

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Answer layer by layer; see `Network`."""
        probabilities: NDArray[np.float32] = self._probabilities(tf.constant(images)).numpy()
        return probabilities

    def write(self, kind: Kind, file: Path) -> None:
        """Write it for OpenVINO; see `Network`."""
        if kind != "openvino":
            raise ConversionError("networks of Keras are converted for OpenVINO only")
        import openvino  # noqa: PLC0415 - only where something is converted

        # Weights stay fp32; the engine computes in what the CPU is fastest at.
        openvino.save_model(openvino.convert_model(self._graph), file, compress_to_fp16=False)

    def engine(self, options: EngineOptions) -> Engine:
        """Run it in TensorFlow; precision and threads are those of the network and the process; see `Network`."""
        return KerasEngine(self._graph, self._preset.crop, device=options.device, max_batch=options.max_batch)

    def check(self) -> None:
        """See that the network takes the images and gives a probability for each label.

        Raises:
            StartupError: it does not.
        """
        self._check_input()
        shape, classes = self._answers().as_list(), len(self._source.labels)
        if shape != [None, classes]:
            gives = f"{shape[1]} numbers" if len(shape) == RANK else f"an array of {len(shape)} dimensions"
            raise StartupError(
                f"{self._called} gives {gives} for images, and there are {classes} labels: name its own classes with "
                "labels_uri."
            )
        answers = self._graph(tf.constant(probe(self._preset.crop))).numpy()
        total = float(answers.sum())
        if answers.min() < 0 or not abs(total - 1) <= SUM_TOLERANCE:
            raise StartupError(
                f"{self._called} gives no probabilities, since they add up to {total:.3g}: set keras.outputs to logits."
            )

    def _check_input(self) -> None:
        side, takes = self._preset.crop, self._network.takes
        if takes is None:
            return
        fits = len(takes) == RANK + 1 and all(
            size in {None, wanted} for size, wanted in zip(takes, (side, side, CHANNELS), strict=True)
        )
        if not fits:
            raise StartupError(
                f"{self._called} takes {_described(takes)}, not images of {side} x {side} x {CHANNELS}: "
                "set keras.crop to the side that it takes, or make it take RGB images with channels last."
            )

    def _answers(self) -> Any:
        """Trace the network; returns the shape of its answers."""
        try:
            return self._graph.get_concrete_function().output_shapes
        except Exception as error:
            raise StartupError(
                f"{self._called} fails on images of {self._preset.crop} x {self._preset.crop} x {CHANNELS}: set "
                "keras.crop to the side that it takes."
            ) from error

    @property
    def _called(self) -> str:
        return f"The Keras network {self._source.name}"

    def _probabilities(self, images: Any) -> Any:
        answers = tf.cast(self._network.call(_normalized(images, self._preset)), tf.float32)
        return tf.nn.softmax(answers) if self._source.outputs == "logits" else answers


def _normalized(images: Any, preset: ImagePreset) -> Any:
    pixels = tf.cast(images, tf.float32) / 255
    ordered = pixels if preset.channels == "RGB" else tf.reverse(pixels, axis=[-1])
    return (ordered - tf.constant(preset.mean, tf.float32)) / tf.constant(preset.std, tf.float32)


def _described(sizes: tuple[int | None, ...]) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes) or "a number"
