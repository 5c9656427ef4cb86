"""The network in PyTorch, eagerly, on a CPU or a GPU."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deployments.image_classifier.engines.engine import Device, Facts, Precision
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.explanation.grad_cam import GradCam

TYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """An `Engine` that keeps the network in this process, and changes it to its needs.

    What is for a GPU alone (pinned transfers, fp16) has not been run yet: no GPU was at hand.

    Args:
        graph: from (n, side, side, 3) uint8 to (n, classes) float32 probabilities; moved to the device. Its submodule
            `network`, which gives the logits, is what Grad-CAM looks into.
        side: of the images, in pixels.
        device: where it runs.
        precision: of the layers that may compute in another than fp32 (PyTorch's autocast).
        threads: of the CPU; None for as many as this process may run on.
        max_batch: images that go through the network at once; more are split.
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
    ) -> None:
        # Not PyTorch's own choice: Ray sets OMP_NUM_THREADS to 1 where a replica reserves no CPU.
        torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
        self._device = torch.device(device)
        self._side = side
        self._precision: Precision = precision
        self.max_batch = max_batch
        self._graph = _prepared(graph.eval().to(self._device), TYPES[precision])
        network = getattr(self._graph, "network", None)
        self._grad_cam = GradCam(network) if network is not None else None

    def warm_up(self) -> None:
        """Run one image; see `Engine`."""
        self.infer(probe(self._side))

    @torch.inference_mode()
    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        parts = torch.split(torch.from_numpy(batch), self.max_batch)
        with self._autocast():
            probabilities = torch.cat([self._graph(self._on_device(part)) for part in parts])
        return probabilities.cpu().numpy()

    def grad_cam(self, image: NDArray[np.uint8], class_index: int) -> NDArray[np.float32] | None:
        """Tell where the network sees a class; see `GradCamEngine`."""
        if self._grad_cam is None:
            return None
        images = self._on_device(torch.from_numpy(image[None].copy()))
        with self._autocast():
            heat = self._grad_cam.heat(lambda: self._graph(images), class_index)
        return None if heat is None else heat.cpu().numpy()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, TYPES[self._precision], enabled=self._precision != "fp32")

    def _on_device(self, images: Tensor) -> Tensor:
        if self._device.type == "cpu":
            return images
        # From pinned memory the GPU copies by itself, while the next part is prepared here.
        return images.pin_memory().to(self._device, non_blocking=True)

    def describe(self) -> Facts:
        """Return facts for people; see `Engine`."""
        is_gpu = self._device.type == "cuda"
        return {
            "engine": "torch",
            "engine_version": torch.__version__,
            "precision": self._precision,
            "device": torch.cuda.get_device_name(self._device) if is_gpu else "cpu",
            "threads": torch.get_num_threads(),
        }


def _prepared(graph: nn.Module, precision: torch.dtype) -> nn.Module:
    """Lay weights out as convolutions are fastest on, in the type that autocast would give them for each batch."""
    for module in graph.modules():
        # Only these two: what derives from them may read its weights where autocast does not reach.
        if type(module) in {nn.Conv2d, nn.Linear}:
            module.to(precision)
    return graph.to(memory_format=torch.channels_last)
