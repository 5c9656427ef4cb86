"""A converted network in ONNX Runtime, on the CPU or a GPU. No torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from deployments.image_classifier.engines.devices import usable_cpus
from deployments.image_classifier.engines.engine import Device, Facts, Precision
from deployments.image_classifier.engines.parts import run_parts
from deployments.image_classifier.engines.probe import probes

PROVIDERS: dict[Device, list[str]] = {
    "cpu": ["CPUExecutionProvider"],
    # What the GPU has no kernel for runs on the CPU.
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
}


class OnnxruntimeEngine:
    """An `Engine` on ONNX Runtime.

    Args:
        file: the network as ONNX: one input, (n, side, side, 3) uint8, one output, (n, classes) float32 probabilities.
        side: of the images, in pixels.
        precision: of the weights in the file, in which it computes.
        device: where it runs.
        threads: of the CPU; None for as many as this process may run on.
        max_batch: images that go through the network at once; more are split.

    Raises:
        RuntimeError: the file holds no network that ONNX Runtime can run.
    """

    streams = 1

    def __init__(
        self,
        file: Path,
        side: int,
        *,
        precision: Precision = "fp32",
        device: Device = "cpu",
        threads: int | None = None,
        max_batch: int = 32,
    ) -> None:
        self._side = side
        self._precision: Precision = precision
        self._device = device
        self._threads = usable_cpus(threads)
        self.max_batch = max_batch
        try:
            self._session = onnxruntime.InferenceSession(file, self._options(), providers=PROVIDERS[device])
        except Exception as error:
            raise RuntimeError(f"ONNX Runtime cannot load {file.name}") from error
        (self._input,) = (each.name for each in self._session.get_inputs())

    def _options(self) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Layers follow each other; only within one is there work for several threads.
        options.inter_op_num_threads = 1
        return options

    def warm_up(self) -> None:
        """Run one image and a whole batch; see `Engine`."""
        for images in probes(self._side, self.max_batch):
            self.infer(images)

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        return run_parts(self._run, batch, self.max_batch)

    def _run(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            (probabilities,) = self._session.run(None, {self._input: part})
        except Exception as error:
            # Its errors have no base of their own.
            raise RuntimeError("ONNX Runtime failed") from error
        return np.asarray(probabilities, np.float32)

    def describe(self) -> Facts:
        """Return facts for people; see `Engine`."""
        used = self._session.get_providers()
        return {
            "engine": "onnxruntime",
            "engine_version": onnxruntime.__version__,
            "precision": self._precision,
            "device": "cuda" if "CUDAExecutionProvider" in used else "cpu",
            "threads": self._threads,
        }
