"""The network in PyTorch, on a CPU or a GPU."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deployments.image_classifier.engines.cuda_graphs import RecordedNetwork, Recorder, cuda_recorder
from deployments.image_classifier.engines.devices import usable_cpus
from deployments.image_classifier.engines.engine import Compile, Device, Facts, Precision
from deployments.image_classifier.engines.folding import fold_batch_norms
from deployments.image_classifier.engines.parts import run_parts
from deployments.image_classifier.engines.probe import probes
from deployments.image_classifier.explanation.grad_cam import GradCam

logger = logging.getLogger("ray.serve")

TYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

# Triton's kernels are tried out for each layer. Its own CUDA graphs are left to cuda_graphs.py, for compiled networks
# and others alike.
COMPILED: dict[str, dict[str, Any]] = {"cpu": {}, "cuda": {"mode": "max-autotune-no-cudagraphs"}}


class TorchEngine:
    """An `Engine` that keeps the network in this process, and changes it to its needs.

    What is for a GPU alone (CUDA graphs, pinned transfers, fp16, the share of memory) has not been run on one yet;
    around CUDA's own calls, all of it is tested on a CPU.

    Args:
        graph: from (n, side, side, 3) uint8 to (n, classes) float32 probabilities; moved to the device. Its submodule
            `network`, which gives the logits, is what Grad-CAM looks into.
        side: of the images, in pixels.
        device: where it runs.
        precision: of the layers that may compute in another than fp32 (PyTorch's autocast).
        threads: of the CPU; None for as many as this process may run on.
        max_batch: images that go through the network at once; more are split.
        compile: auto: CUDA graphs on a GPU, nothing on a CPU, where torch.compile takes tens of seconds at each
            start and then is no faster than folded batch normalization. True: torch.compile, and CUDA
            graphs on a GPU. False: layer by layer.
        gpu_memory: share of the GPU's memory that this process may take, above 0 to 1; None for no limit.
    """

    streams = 1

    def __init__(
        self,
        graph: nn.Module,
        side: int,
        *,
        device: Device = "cpu",
        precision: Precision = "fp32",
        threads: int | None = None,
        max_batch: int = 32,
        compile: Compile = "auto",  # noqa: A002 - as in the settings
        gpu_memory: float | None = None,
    ) -> None:
        # Not PyTorch's own choice: Ray sets OMP_NUM_THREADS to 1 where a replica reserves no CPU.
        torch.set_num_threads(usable_cpus(threads))
        self._device = torch.device(device)
        self._side = side
        self._precision: Precision = precision
        self.max_batch = max_batch
        if self._on_gpu and gpu_memory is not None:
            torch.cuda.set_per_process_memory_fraction(gpu_memory)
        self._graph = _prepared(graph, self._device, TYPES[precision])
        self._is_compiled = compile is True
        self._network = torch.compile(self._graph, **COMPILED[device]) if self._is_compiled else self._graph
        self._recorder = cuda_recorder() if self._on_gpu and compile is not False else None
        self._recorded: RecordedNetwork | None = None
        self._ready_for = 0
        self._pinned = torch.empty(0, dtype=torch.uint8)
        network = getattr(self._graph, "network", None)
        self._grad_cam = GradCam(network) if network is not None else None

    @property
    def _on_gpu(self) -> bool:
        return self._device.type == "cuda"

    def warm_up(self) -> None:
        """Run the network for one image, and on a GPU for as many as it may hold; see `Engine`."""
        for images in probes(self._side, self.max_batch if self._on_gpu else 1):
            self.infer(images)

    @torch.inference_mode()
    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        if self._ready_for != self.max_batch:
            self._make_ready()
        return run_parts(self._run, batch, self.max_batch)

    def _make_ready(self) -> None:
        """Compile and record for batches of these sizes, or do without."""
        if self._is_compiled and not self._compiles():
            self._is_compiled, self._network = False, self._graph
        if self._on_gpu:
            size = (self.max_batch, self._side, self._side, 3)
            self._pinned = torch.zeros(size, dtype=torch.uint8, pin_memory=True)
        if self._recorder is not None and not self._records(self._recorder):
            self._recorder = None
        self._ready_for = self.max_batch

    def _compiles(self) -> bool:
        """Compile for one image, and then, since the second size is another, for any number."""
        try:
            for images in probes(self._side, self.max_batch):
                self._compute(torch.from_numpy(images).to(self._device))
        except Exception:
            # Compilers raise whatever they like. Where it is the network that fails, it will without them, too.
            logger.warning("torch.compile cannot compile the network, which runs without it.", exc_info=True)
            return False
        return True

    def _records(self, recorder: Recorder) -> bool:
        # What was recorded for other sizes gives its memory back first.
        self._recorded = None
        # Batch sizes are few, so cuDNN may try its algorithms for each.
        torch.backends.cudnn.benchmark = True
        try:
            self._recorded = RecordedNetwork(self._compute, self._pinned.to(self._device), recorder)
        except RuntimeError:
            logger.warning("The network cannot be recorded as CUDA graphs, and runs without them.", exc_info=True)
            torch.backends.cudnn.benchmark = False
        return self._recorded is not None

    def _run(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        # The answers to one part are here before the next takes its place in pinned memory, and on the device.
        return self._answers(torch.from_numpy(part)).cpu().numpy()

    def _answers(self, images: Tensor) -> Tensor:
        if not self._on_gpu:
            return self._compute(images)
        # Pinned memory is what the GPU reads by itself; pinning it for each batch would take longer than copying.
        pinned = self._pinned[: len(images)].copy_(images)
        if self._recorded is not None:
            return self._recorded(pinned)
        return self._compute(pinned.to(self._device, non_blocking=True))

    def _compute(self, images: Tensor) -> Tensor:
        with self._autocast():
            probabilities: Tensor = self._network(images)
        return probabilities

    def _autocast(self) -> torch.autocast:
        # No cache of converted weights: it would outlive the recording that filled it, and each is used once.
        kind, wanted = TYPES[self._precision], self._precision != "fp32"
        return torch.autocast(self._device.type, kind, enabled=wanted, cache_enabled=False)

    def grad_cam(self, image: NDArray[np.uint8], class_index: int) -> NDArray[np.float32] | None:
        """Tell where the network sees a class; see `GradCamEngine`."""
        if self._grad_cam is None:
            return None
        images = torch.from_numpy(image[None].copy()).to(self._device)
        with self._autocast():
            heat = self._grad_cam.heat(lambda: self._graph(images), class_index)
        return None if heat is None else heat.cpu().numpy()

    def describe(self) -> Facts:
        """Return facts for people; see `Engine`."""
        ways = {"torch.compile": self._is_compiled, "CUDA graphs": self._recorder is not None}
        return {
            "engine": "torch",
            "engine_version": torch.__version__,
            "precision": self._precision,
            "device": torch.cuda.get_device_name(self._device) if self._on_gpu else "cpu",
            "threads": torch.get_num_threads(),
            "compiled": ", ".join(name for name, is_used in ways.items() if is_used) or "no",
        }


def _prepared(graph: nn.Module, device: torch.device, precision: torch.dtype) -> nn.Module:
    """Lay weights out as convolutions are fastest on, in the type that autocast would give them for each batch."""
    fold_batch_norms(graph.eval())  # before weights lose digits
    graph.to(device)
    for module in graph.modules():
        # Only these two: what derives from them may read its weights where autocast does not reach.
        if type(module) in {nn.Conv2d, nn.Linear}:
            module.to(precision)
    return graph.to(memory_format=torch.channels_last)
