"""Converted once: networks by what decides how they answer, so that a replica starts in seconds and alone."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from deployments.cache_root import CONVERTED, cache_root
from deployments.destinations import beside, put
from deployments.errors import StartupError
from deployments.image_classifier.conversion import model_files
from deployments.image_classifier.conversion.checking import check_same
from deployments.image_classifier.conversion.exporting import export
from deployments.image_classifier.conversion.model_files import ConvertedModel
from deployments.image_classifier.engines.engine import Kind
from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.origins import Source

logger = logging.getLogger("ray.serve")

# Whose version decides what the files become, and is known where only replicas run.
LIBRARIES: dict[Kind, str] = {"openvino": "openvino", "onnx": "onnxruntime"}


def cache_key(source: Source, kind: Kind) -> str:
    """SHA-256 of all that decides what the files hold, in hexadecimal."""
    parts = {
        "format": model_files.FORMAT_VERSION,
        "kind": kind,
        "library": installed(LIBRARIES[kind]),
        **source.identity,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def converted(source: Source, kind: Kind, *, threads: int | None = None) -> Iterator[ConvertedModel]:
    """Give the converted network: from the cache, else converted and kept there.

    Processes may do this at the same time: each converts, the first to finish is kept. A cache that cannot be written
    costs the next start its conversion and nothing else; the files are then there only inside of the context.

    Raises:
        ConversionError: the network cannot be converted, or the result answers otherwise.
        StartupError: the weights do not fit the network, or its library is needed and missing.
    """
    entry = cache_root(CONVERTED) / cache_key(source, kind)
    kept = _kept(entry)
    if kept is not None:
        yield kept
        return
    with ExitStack() as stack:
        model = _convert(source, kind, _staging(entry, stack), threads)
        yield _put(model, entry)


def _kept(entry: Path) -> ConvertedModel | None:
    if not entry.exists():
        return None
    try:
        return model_files.read(entry)
    except StartupError as error:
        logger.warning("The network is converted again: %s", error)
        return None


def _staging(entry: Path, stack: ExitStack) -> Path:
    try:
        return stack.enter_context(beside(entry))
    except OSError as error:
        logger.warning("The converted network cannot be kept in %s: %s.", entry.parent, error.strerror or error)
        temporary = TemporaryDirectory(prefix="converted-", ignore_cleanup_errors=True)
        return Path(stack.enter_context(temporary))


def _put(model: ConvertedModel, entry: Path) -> ConvertedModel:
    if model.directory.parent != entry.parent:
        return model
    if (winner := _kept(entry)) is not None:
        return winner
    try:
        put(model.directory, entry, replace=True)
    except OSError as error:
        logger.warning("The converted network cannot be kept in %s: %s.", entry.parent, error.strerror or error)
        return model
    return ConvertedModel(entry, model.about)


def _convert(source: Source, kind: Kind, directory: Path, threads: int | None) -> ConvertedModel:
    logger.info("%s is converted for %s, this once; it may take a minute.", source.name, LIBRARIES[kind])
    network = source.load()
    model = export(network, source, kind, directory)
    check_same(network, model, threads)
    return model
