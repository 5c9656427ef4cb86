"""A converted network in OpenVINO, on the CPU. No torch."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from deployments.image_classifier.engines.engine import Facts, Precision
from deployments.image_classifier.engines.probe import probe

# By OpenVINO's names. int8 is in the network itself; what of it is not quantized computes in fp32.
TYPES: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}


class OpenvinoEngine:
    """An `Engine` on OpenVINO's CPU plugin.

    The network is compiled once, for batches of any size: compiled for one size it was no faster, and each further
    size would take memory and time at the start.

    Args:
        file: the network as OpenVINO's XML (weights beside it) or as ONNX: one input, (n, side, side, 3) uint8,
            one output, (n, classes) float32 probabilities.
        side: of the images, in pixels.
        precision: of the arithmetic; one that the CPU has not is fp32.
        threads: None for as many as this process may run on.
        max_batch: images that go through the network at once; more are split.

    Raises:
        RuntimeError: the file holds no network that OpenVINO can run.
    """

    def __init__(
        self, file: Path, side: int, *, precision: Precision = "fp32", threads: int | None = None, max_batch: int = 32
    ) -> None:
        self._side = side
        self._precision: Precision = precision
        self._threads = threads or len(os.sched_getaffinity(0))
        self._max_batch = max_batch
        core = openvino.Core()
        model = core.read_model(file)
        model.reshape([-1, side, side, 3])
        self._request = core.compile_model(model, "CPU", self._settings()).create_infer_request()

    def _settings(self) -> dict[str, str | int | bool]:
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": TYPES[self._precision],
            "INFERENCE_NUM_THREADS": self._threads,
            # One request at a time has all threads; what else waits makes the next batch.
            "NUM_STREAMS": 1,
            # Each process would pin to the first cores, and several replicas would share those.
            "ENABLE_CPU_PINNING": False,
        }

    def warm_up(self) -> None:
        """Run one image and a whole batch, for which memory and kernels differ; see `Engine`."""
        for count in {1, self._max_batch}:
            self.infer(probe(self._side, count))

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        parts = range(0, len(batch), self._max_batch)
        return np.concatenate([self._run(batch[start : start + self._max_batch]) for start in parts])

    def _run(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        # The next request overwrites what this one gave.
        probabilities: NDArray[np.float32] = self._request.infer([part], share_inputs=True, share_outputs=True)[0]
        return probabilities.copy()

    def describe(self) -> Facts:
        """Return facts for people; see `Engine`."""
        return {
            "engine": "openvino",
            "engine_version": openvino.__version__,
            "precision": self._precision,
            "device": "cpu",
            "threads": self._threads,
        }
