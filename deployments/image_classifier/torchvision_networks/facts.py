"""What torchvision says of weights that it publishes, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.contracts import ImagePreset


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Weights that torchvision publishes for an architecture.

    Attributes:
        name: in the architecture's weights.
        url: where the state dict is.
        preset: how to prepare images.
        categories: names of the classes in order; empty where torchvision gives none.
        options: what the architecture must be built with to take them.
    """

    name: str
    url: str
    preset: ImagePreset
    categories: tuple[str, ...]
    options: dict[str, Any]
