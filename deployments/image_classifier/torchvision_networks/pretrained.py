"""Weights that torchvision publishes, known without importing torchvision once they were looked up."""

from __future__ import annotations

from pydantic import TypeAdapter

from deployments.errors import StartupError
from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.looked_up import looked_up
from deployments.image_classifier.torchvision_networks.facts import Pretrained

_FORM = TypeAdapter(Pretrained)


def find_pretrained(architecture: str, weights: str) -> Pretrained:
    """Look up weights by name: in the cache, else in torchvision, for the next start as well.

    Raises:
        StartupError: there is no such architecture, it has no such weights, or torchvision is needed and missing.
    """
    version = installed("torchvision")
    return looked_up("torchvision", version, f"{architecture} {weights}", _FORM, lambda: _ask(architecture, weights))


def _ask(architecture: str, weights: str) -> Pretrained:
    try:
        from deployments.image_classifier.torchvision_networks import architectures  # noqa: PLC0415 - imports torch
    except ImportError as error:
        raise StartupError(
            f"{error.name} is not installed, which weights by name need: install it with "
            "`pip install 'ray-scoring[torch]'`, or name a converted model with model_dir."
        ) from None
    return architectures.pretrained(architecture, weights)
