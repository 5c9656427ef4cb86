"""What torchvision knows of its classification models."""

from __future__ import annotations

import difflib
from typing import Any

import torch
import torchvision

from deployments.contracts import ImagePreset
from deployments.errors import StartupError
from deployments.image_classifier.torchvision_networks.facts import Pretrained


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
    # Options that were kept as JSON have lists where torchvision has tuples.
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
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
