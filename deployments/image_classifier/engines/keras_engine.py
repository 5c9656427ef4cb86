"""A network of Keras in TensorFlow, on a CPU or a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.image_classifier.engines.engine import Device, Facts
from deployments.image_classifier.engines.parts import run_parts
from deployments.image_classifier.engines.probe import probes
from deployments.image_classifier.keras_networks.library import keras, tf

DEVICES: dict[Device, str] = {"cpu": "/CPU:0", "cuda": "/GPU:0"}


class KerasEngine:
    """An `Engine` on TensorFlow.

    It computes in what the network's layers say, fp32 unless they were made for another. Mixed precision by
    TensorFlow's own means made large networks faster and small ones slower, and the start half a minute longer;
    converted to OpenVINO both are faster.

    That it runs on a GPU has not been seen yet: none was at hand.

    Args:
        graph: a `tf.function` from (n, side, side, 3) uint8 to (n, classes) float32 probabilities.
        side: of the images, in pixels.
        device: where it runs.
        max_batch: images that go through the network at once; more are split.
    """

    streams = 1

    def __init__(self, graph: Any, side: int, *, device: Device = "cpu", max_batch: int = 32) -> None:
        self._graph = graph
        self._side = side
        self._device: Device = device
        self.max_batch = max_batch

    def warm_up(self) -> None:
        """Run one image and a whole batch; see `Engine`."""
        for images in probes(self._side, self.max_batch):
            self.infer(images)

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        return run_parts(self._run, batch, self.max_batch)

    def _run(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            with tf.device(DEVICES[self._device]):
                probabilities: NDArray[np.float32] = self._graph(tf.constant(part)).numpy()
        except Exception as error:
            # TensorFlow's errors have no base of their own with Keras's.
            raise RuntimeError("TensorFlow failed") from error
        return probabilities

    def describe(self) -> Facts:
        """Return facts for people; see `Engine`."""
        return {
            "engine": "keras",
            "engine_version": f"{keras.__version__} on TensorFlow {tf.__version__}",
            "precision": "fp32",
            "device": self._device,
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        }
