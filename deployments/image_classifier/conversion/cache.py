"""Converted once: networks by what decides how they answer, so that a replica starts in seconds and without torch."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.cache_root import cache_root
from deployments.errors import StartupError
from deployments.image_classifier.conversion import model_files
from deployments.image_classifier.conversion.model_files import ConvertedModel
from deployments.image_classifier.engines.engine import Kind
from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.source import ModelSource

if TYPE_CHECKING:
    from deployments.image_classifier.network import Classification

logger = logging.getLogger("ray.serve")

CONVERTED = "converted"

# Whose version decides what the files become, and is known where only replicas run.
LIBRARIES: dict[Kind, str] = {"openvino": "openvino", "onnx": "onnxruntime"}


def cache_key(source: ModelSource, kind: Kind) -> str:
    """SHA-256 of all that decides what the files hold, in hexadecimal."""
    parts = {
        "format": model_files.FORMAT_VERSION,
        "kind": kind,
        "library": installed(LIBRARIES[kind]),
        "architecture": source.architecture,
        "options": source.known.options,
        "preset": asdict(source.known.preset),
        "classes": len(source.labels),
        "weights": f"seed {source.seed}" if source.file is None else source.file.sha256,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def converted(source: ModelSource, kind: Kind, *, threads: int | None = None) -> Iterator[ConvertedModel]:
    """Give the converted network: from the cache, else converted and kept there.

    Processes may do this at the same time: each converts, the first to finish is kept. A cache that cannot be written
    costs the next start its conversion and nothing else; the files are then there only inside of the context.

    Raises:
        ConversionError: the network cannot be converted, or the result answers otherwise.
        StartupError: the weights do not fit the network, or torch is needed and missing.
    """
    entry = cache_root(CONVERTED) / cache_key(source, kind)
    kept = _kept(entry)
    if kept is not None:
        yield kept
        return
    staging = _staging(entry)
    try:
        model = _convert(source, kind, staging, threads)
        yield _put(model, entry)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _kept(entry: Path) -> ConvertedModel | None:
    if not entry.exists():
        return None
    try:
        return model_files.read(entry)
    except StartupError as error:
        logger.warning("The network is converted again: %s", error)
        return None


def _staging(entry: Path) -> Path:
    try:
        return model_files.staging_for(entry)
    except OSError as error:
        logger.warning("The converted network cannot be kept in %s: %s.", entry.parent, error.strerror or error)
        return Path(tempfile.mkdtemp(prefix="converted-"))


def _put(model: ConvertedModel, entry: Path) -> ConvertedModel:
    if model.directory.parent != entry.parent:
        return model
    if (winner := _kept(entry)) is not None:
        return winner
    try:
        return model_files.put(model, entry)
    except OSError as error:
        logger.warning("The converted network cannot be kept in %s: %s.", entry.parent, error.strerror or error)
        return model


def _convert(source: ModelSource, kind: Kind, directory: Path, threads: int | None) -> ConvertedModel:
    try:
        # Not needed, and slow to import, where the network is in the cache.
        from deployments.image_classifier.conversion.checking import check_same  # noqa: PLC0415
        from deployments.image_classifier.conversion.exporting import export  # noqa: PLC0415
        from deployments.image_classifier.network import load_network  # noqa: PLC0415
    except ImportError as error:
        raise StartupError(
            f"{error.name} is not installed, which a network is converted with: install it with "
            "`pip install 'ray-scoring[torch]'`, or name a converted model with model_dir."
        ) from None
    graph: Classification = load_network(source)
    model = export(graph, source, kind, directory)
    check_same(graph, model, threads)
    return model
