"""The network in PyTorch, eagerly, on a CPU or a GPU."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deployments.contracts import ImagePreset
from deployments.errors import StartupError

CHANNELS = 3


class Classification(nn.Module):
    """From pixels to probabilities: torchvision's normalization, the network, softmax.

    Args:
        network: takes (n, 3, height, width) float32, gives (n, classes) logits.
        preset: its mean and standard deviation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preset: ImagePreset) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(preset.mean).view(1, CHANNELS, 1, 1))
        self.register_buffer("std", torch.tensor(preset.std).view(1, CHANNELS, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, height, width, 3) uint8 to (n, classes) float32."""
        # In memory this stays height, width, channel: what convolutions are fastest on.
        pixels = images.permute(0, 3, 1, 2).to(torch.float32)
        normalized = pixels.div_(255).sub_(self.mean).div_(self.std)
        return torch.softmax(self.network(normalized), dim=1)


class TorchEngine:
    """An `Engine` that keeps the network in this process.

    Args:
        network: as in `Classification`; moved to the device.
        preset: as in `Classification`.
        device: auto takes the GPU where there is one.
        threads: of the CPU; None for as many as this process may run on.
        max_batch: images that go through the network at once; more are split.

    Raises:
        StartupError: `device` is cuda, and there is none.
    """

    def __init__(
        self,
        network: nn.Module,
        preset: ImagePreset,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        threads: int | None = None,
        max_batch: int = 32,
    ) -> None:
        # Not PyTorch's own choice: Ray sets OMP_NUM_THREADS to 1 where a replica reserves no CPU.
        torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
        self._device = _device(device)
        self._max_batch = max_batch
        graph = Classification(network, preset).eval().to(self._device)
        self._graph = graph.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images; see `Engine`."""
        parts = torch.split(torch.from_numpy(batch), self._max_batch)
        probabilities = torch.cat([self._graph(part.to(self._device)) for part in parts])
        return probabilities.cpu().numpy()

    def describe(self) -> dict[str, str | int | float]:
        """Return facts for people; see `Engine`."""
        is_gpu = self._device.type == "cuda"
        device = torch.cuda.get_device_name(self._device) if is_gpu else "cpu"
        return {"engine": "pytorch eager", "device": device, "threads": torch.get_num_threads()}


def _device(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise StartupError("device is cuda, and this replica has no GPU; set device to auto or cpu, or gpus to 1.")
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")
