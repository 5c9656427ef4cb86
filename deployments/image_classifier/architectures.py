"""What torchvision knows of its classification models."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import torch
import torchvision

from deployments.contracts import ImagePreset
from deployments.errors import StartupError


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


def pretrained(architecture: str, weights: str) -> Pretrained:
    """Look up weights by name.

    Raises:
        StartupError: there is no such architecture, or it has no such weights.
    """
    entry = _entry(architecture, weights)
    return Pretrained(
        name=entry.name,
        url=entry.url,
        preset=_preset(entry.transforms()),
        categories=tuple(entry.meta.get("categories") or ()),
        options=_options(architecture, entry.meta),
    )


def build(architecture: str, *, classes: int, options: dict[str, Any], seed: int) -> torch.nn.Module:
    """Return the network with random weights, the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network: torch.nn.Module = torchvision.models.get_model(
            architecture, weights=None, num_classes=classes, **options
        )
    return network


def _entry(architecture: str, weights: str) -> Any:
    names = torchvision.models.list_models(module=torchvision.models)
    if architecture not in names:
        nearest = ", ".join(difflib.get_close_matches(architecture, names, cutoff=0.0))
        raise StartupError(
            f"architecture must be a classification model of torchvision, not {architecture!r}; near: {nearest}."
        )
    entries = torchvision.models.get_model_weights(architecture).__members__
    if weights not in entries:
        raise StartupError(f"weights of {architecture} must be one of {', '.join(entries)}, not {weights!r}.")
    return entries[weights]


def _preset(transform: Any) -> ImagePreset:
    return ImagePreset(
        resize=transform.resize_size[0],
        crop=transform.crop_size[0],
        interpolation=transform.interpolation.value,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )


def _options(architecture: str, meta: dict[str, Any]) -> dict[str, Any]:
    """Return what torchvision's own builders set when they are given weights."""
    if architecture in {"googlenet", "inception_v3"}:
        return {"transform_input": True, "init_weights": False}
    if architecture.startswith("vit_"):
        return {"image_size": meta["min_size"][0]}
    if architecture.startswith("maxvit"):
        return {"input_size": meta["min_size"]}
    return {}
