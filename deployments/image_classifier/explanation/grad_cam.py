"""Where the last feature map of a network speaks for a class.

Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, 2017
(arXiv:1610.02391), equations 1 and 2: each channel of the map is weighted by the mean of the logit's derivatives with
respect to it, and what remains above zero of their sum is the heat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# (n, channels, height, width); of vectors, (n, features), and of tokens, (n, tokens, features), there is no map.
MAP_DIMENSIONS = 4
VECTOR_DIMENSIONS = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a network the feature map comes out: after a module's call of this number, counted from 0."""

    module: nn.Module
    call: int


class GradCam:
    """Explains classes of one network.

    Args:
        network: takes what `forward` hands it, gives (1, classes) logits. It is used as it is: in its precision, on its
            device, in evaluation mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._place: Place | None = None
        self._is_searched = False

    def heat(self, forward: Callable[[], Any], class_index: int) -> Tensor | None:
        """Tell where the network sees a class.

        Args:
            forward: runs the network once, on one image.
            class_index: the class.

        Returns:
            (height, width) float32 of the feature map, 0 or more; None where the network has no such map.
        """
        if not self._is_searched:
            self._place, self._is_searched = self._find(forward), True
        if self._place is None:
            return None
        return self._weighted(forward, self._place, class_index)

    @torch.no_grad()
    def _find(self, forward: Callable[[], Any]) -> Place | None:
        """Find the last output that is more than one vector for an image: it is a map, or there is none."""
        calls: dict[nn.Module, int] = {}
        last: tuple[Place, Tensor] | None = None

        def note(module: nn.Module, _inputs: Any, output: Any) -> None:
            nonlocal last
            calls[module] = calls.get(module, -1) + 1
            if isinstance(output, Tensor) and _has_places(output):
                last = Place(module, calls[module]), output

        with _hooks((module, note) for module in self._network.modules()):
            forward()
        return last[0] if last is not None and _is_map(last[1]) else None

    @torch.no_grad()
    def _weighted(self, forward: Callable[[], Any], place: Place, class_index: int) -> Tensor:
        """Run the network with gradients from the map on, which costs little more than an inference."""
        calls = 0
        features: list[Tensor] = []
        logits: list[Tensor] = []

        def start(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            if calls - 1 != place.call:
                return output
            torch.set_grad_enabled(True)  # until `no_grad` ends
            # A copy, so that what follows may change it in place; then this is the changed one, and so is its gradient.
            features.append(output.detach().requires_grad_().clone())
            return features[0]

        def end(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            logits.append(output)

        with _hooks([(place.module, start), (self._network, end)]):
            forward()
        (gradients,) = torch.autograd.grad(logits[-1][0, class_index], features[0])
        weights = gradients.to(torch.float32).mean(dim=(2, 3), keepdim=True)
        return (weights * features[0].detach().to(torch.float32)).sum(dim=1)[0].relu()


def _has_places(output: Tensor) -> bool:
    return output.ndim > VECTOR_DIMENSIONS and output.numel() > output.shape[0] * output.shape[1]


def _is_map(output: Tensor) -> bool:
    return output.ndim == MAP_DIMENSIONS and min(output.shape[2:]) > 1


@contextmanager
def _hooks(hooks: Any) -> Iterator[None]:
    """Have functions see, or replace, the outputs of modules."""
    handles = [module.register_forward_hook(function) for module, function in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
