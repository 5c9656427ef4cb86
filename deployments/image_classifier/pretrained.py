"""Weights that torchvision publishes, known without importing torchvision once they were looked up.

Importing it takes seconds and hundreds of megabytes, which a replica that runs a converted model has no other use for.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from deployments.cache_root import cache_root
from deployments.contracts import ImagePreset
from deployments.errors import StartupError
from deployments.image_classifier.engines.machine import installed

logger = logging.getLogger("ray.serve")

LOOKED_UP = "torchvision"


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


_FORM = TypeAdapter(Pretrained)


def find_pretrained(architecture: str, weights: str) -> Pretrained:
    """Look up weights by name: in the cache, else in torchvision, for the next start as well.

    Raises:
        StartupError: there is no such architecture, it has no such weights, or torchvision is needed and missing.
    """
    file = _file(architecture, weights)
    return _kept(file) or _look_up(architecture, weights, file)


def _file(architecture: str, weights: str) -> Path:
    # By torchvision's version, since each may change what it recommends; without it, what was found last will do.
    name = hashlib.sha256(f"{architecture} {weights}".encode()).hexdigest()[:32]
    directory = cache_root(LOOKED_UP)
    if (version := installed("torchvision")) is not None:
        return directory / version / f"{name}.json"
    found = [file for file in directory.glob(f"*/{name}.json") if file.is_file()]
    return max(found, key=lambda file: file.stat().st_mtime, default=directory / "none" / f"{name}.json")


def _kept(file: Path) -> Pretrained | None:
    try:
        return _FORM.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _look_up(architecture: str, weights: str, file: Path) -> Pretrained:
    try:
        from deployments.image_classifier import architectures  # noqa: PLC0415 - imports torch
    except ImportError as error:
        raise StartupError(
            f"{error.name} is not installed, which weights by name need: install it with "
            "`pip install 'ray-scoring[torch]'`, or name a converted model with model_dir."
        ) from None
    known = architectures.pretrained(architecture, weights)
    try:
        _keep(known, file)
    except OSError as error:
        logger.warning("What torchvision knows of %s cannot be kept: %s.", architecture, error.strerror)
    return known


def _keep(known: Pretrained, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix="partial-", delete=False) as partial:
        partial.write(_FORM.dump_json(known))
    Path(partial.name).replace(file)
