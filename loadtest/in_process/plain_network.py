"""A network in PyTorch as it comes: channels first, fp32, no engine around it. What engines are compared with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from deployments.image_classifier.engines.engine import Facts
from deployments.image_classifier.engines.probe import probe

if TYPE_CHECKING:
    from deployments.image_classifier.torchvision_networks.classification import Classification


class PlainNetwork:
    """An `Engine` that does what a script of a few lines would.

    Args:
        graph: from (n, side, side, 3) uint8 to (n, classes) float32 probabilities.
        side: of the images, in pixels.
        device: cpu or cuda.
        threads: of the CPU; None for as many as this process may run on.
    """

    # What the classifier asks of an engine: nothing is split, and nothing runs side by side.
    max_batch = 2**16
    streams = 1

    def __init__(self, graph: Classification, side: int, *, device: str = "cpu", threads: int | None = None) -> None:
        torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
        self._device = torch.device(device)
        self._graph = graph.eval().to(self._device)
        self._side = side

    def warm_up(self) -> None:
        """Run one image."""
        self.infer(probe(self._side))

    @torch.inference_mode()
    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify (n, side, side, 3) uint8; gives (n, classes) float32 probabilities."""
        # In memory the channels come first, as in a tensor that torchvision's transforms make.
        images = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2).contiguous()
        probabilities: NDArray[np.float32] = self._graph(images.permute(0, 2, 3, 1)).cpu().numpy()
        return probabilities

    def describe(self) -> Facts:
        """Return facts for people."""
        return {
            "engine": "torch", "engine_version": torch.__version__, "precision": "fp32", "device": str(self._device),
            "threads": torch.get_num_threads(),
        }  # fmt: skip
