"""A converted network in OpenVINO, on the CPU. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import openvino
from numpy.typing import NDArray

from deployments.image_classifier.engines.devices import usable_cpus
from deployments.image_classifier.engines.engine import Facts, Precision
from deployments.image_classifier.engines.parts import run_parts
from deployments.image_classifier.engines.probe import probe, probes

# By OpenVINO's names. int8 is in the network itself; what of it is not quantized computes in fp32.
TYPES: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}


class OpenvinoEngine:
    """An `Engine` on OpenVINO's CPU plugin.

    The network is compiled for batches of any size: compiled for one size it was no faster, and each further size would
    take memory and time at the start.

    A stream computes with its share of the threads, so a call that is alone would be slower by the number of streams.
    Where there are several, the network is compiled a second time, for one call on all threads, which serves whoever
    finds the engine idle. That costs the memory of the weights again, and nothing where there is one stream.

    Args:
        file: the network as OpenVINO's XML (weights beside it) or as ONNX: one input, (n, side, side, 3) uint8,
            one output, (n, classes) float32 probabilities.
        side: of the images, in pixels.
        precision: of the arithmetic; one that the CPU has not is fp32.
        threads: None for as many as this process may run on.
        streams: callers at the same time, which share the threads; as many as threads at the most.
        max_batch: images that go through the network at once; more are split.

    Raises:
        RuntimeError: the file holds no network that OpenVINO can run.
    """

    def __init__(
        self,
        file: Path,
        side: int,
        *,
        precision: Precision = "fp32",
        threads: int | None = None,
        streams: int = 1,
        max_batch: int = 32,
    ) -> None:
        self.max_batch = max_batch
        self._side = side
        self._precision: Precision = precision
        self._threads = usable_cpus(threads)
        self._streams = min(streams, self._threads)
        core = openvino.Core()
        model = core.read_model(file)
        model.reshape([-1, side, side, 3])
        alone = core.compile_model(model, "CPU", self._settings(1))
        shared = []
        if self._streams > 1:
            several = core.compile_model(model, "CPU", self._settings(self._streams))
            shared = [several.create_infer_request() for _ in range(self._streams)]
        self._requests = _Requests(alone.create_infer_request(), shared)
        # OpenVINO's binding prepares itself at the first inference, under a lock of its own, and may wait for the
        # interpreter there: two first inferences at once wait for each other for ever. So the first is here, alone.
        _run(self._requests.all[0], probe(side))

    @property
    def streams(self) -> int:
        """Callers at the same time; see `Engine`."""
        return self._streams

    def _settings(self, streams: int) -> dict[str, str | int | bool]:
        return {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": TYPES[self._precision],
            "INFERENCE_NUM_THREADS": self._threads,
            # With one, a call has all threads, and what waits makes the next batch.
            "NUM_STREAMS": streams,
            # Each process would pin to the first cores, and several replicas would share those.
            "ENABLE_CPU_PINNING": False,
        }

    def warm_up(self) -> None:
        """Run one image and a whole batch in each stream; see `Engine`."""
        for images in probes(self._side, self.max_batch):
            for request in self._requests.all:
                _run(request, images)

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        with self._requests.taken() as request:
            return run_parts(partial(_run, request), batch, self.max_batch)

    def describe(self) -> Facts:
        """Return facts for people; see `Engine`."""
        facts: Facts = {
            "engine": "openvino",
            "engine_version": openvino.__version__,
            "precision": self._precision,
            "device": "cpu",
            "threads": self._threads,
        }
        return facts if self._streams == 1 else facts | {"streams": self._streams}


class _Requests:
    """Requests of compiled networks, for as many callers as there are.

    Args:
        alone: has all threads; given to who finds nothing running.
        shared: have their share of the threads, one for each caller; none where there is one caller at a time.
    """

    def __init__(self, alone: openvino.InferRequest, shared: list[openvino.InferRequest]) -> None:
        self.all = [alone, *shared]
        self._alone = alone
        self._idle = [*shared, alone]
        self._lock = Lock()

    @contextmanager
    def taken(self) -> Iterator[openvino.InferRequest]:
        with self._lock:
            request = self._take()
        try:
            yield request
        finally:
            with self._lock:
                self._idle.append(request)

    def _take(self) -> openvino.InferRequest:
        nothing_runs = len(self._idle) == len(self.all)
        request = self._alone if nothing_runs else next(each for each in self._idle if each is not self._alone)
        self._idle.remove(request)
        return request


def _run(request: openvino.InferRequest, part: NDArray[np.uint8]) -> NDArray[np.float32]:
    # The next call overwrites what this one gave.
    probabilities: NDArray[np.float32] = request.infer([part], share_inputs=True, share_outputs=True)[0]
    return probabilities.copy()
