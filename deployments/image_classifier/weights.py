"""Where the weights come from: the cache, a configured file or URI, torchvision's download."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deployments.cache_root import cache_root
from deployments.errors import StartupError
from deployments.image_classifier.cache import WEIGHTS, WeightsCache, WrongDigest, sha256_of
from deployments.image_classifier.pretrained import find_pretrained
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.sources import Progress, SourceError, file_name, local_path, read_blocks


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A state dict on this machine.

    Attributes:
        path: where it is.
        name: what it is called where it came from.
        sha256: of its content, in hex.
    """

    path: Path
    name: str
    sha256: str


class WeightsMissing(Exception):
    """torchvision's weights cannot be had; the message is a clause that says why."""


def fetch_weights(settings: ImageClassifierSettings, progress: Progress | None = None) -> Path | None:
    """Make sure that the weights are on this machine.

    Args:
        settings: names them.
        progress: called during a transfer with the bytes done and, where known, those that there are.

    Returns:
        The state dict; None where nothing is configured and torchvision's file cannot be had.

    Raises:
        StartupError: configured weights cannot be had or have another SHA-256.
    """
    try:
        return find_weights(settings, progress).path
    except WeightsMissing:
        return None


def find_weights(settings: ImageClassifierSettings, progress: Progress | None = None) -> WeightsFile:
    """Return the weights, fetched if need be; see `fetch_weights`.

    Raises:
        WeightsMissing: nothing is configured, and torchvision's file cannot be had.
        StartupError: as `fetch_weights`.
    """
    if settings.weights_uri is None:
        return _torchvision(settings, progress)
    try:
        return _configured(settings, settings.weights_uri, progress)
    except SourceError as error:
        raise StartupError(
            f"The weights file {file_name(settings.weights_uri)} cannot be had: {error}; correct weights_uri."
        ) from None


def _configured(settings: ImageClassifierSettings, uri: str, progress: Progress | None) -> WeightsFile:
    digest = (settings.weights_sha256 or "").lower()
    path = local_path(uri)
    file = _cached(uri, digest, progress) if path is None else _in_place(path)
    if file is None or not file.sha256.startswith(digest):
        raise StartupError(f"The weights file {file_name(uri)} has another SHA-256 than weights_sha256 says.")
    return file


def _torchvision(settings: ImageClassifierSettings, progress: Progress | None) -> WeightsFile:
    url = find_pretrained(settings.architecture, settings.weights).url
    digest = (settings.weights_sha256 or _digest_in(url)).lower()
    try:
        file = _cached(url, digest, progress, download=settings.download)
    except SourceError as error:
        raise WeightsMissing(str(error)) from None
    if file is None:
        raise WeightsMissing(f"what came for {file_name(url)} has another SHA-256 than expected")
    return file


def _digest_in(url: str) -> str:
    """Return the beginning of the SHA-256, with which torchvision ends the names of its files."""
    match = re.search(r"-([0-9a-f]{8,64})\.pth$", url)
    return match[1] if match else ""


def _in_place(path: Path) -> WeightsFile:
    if not path.is_file():
        raise SourceError("there is no such file")
    try:
        return WeightsFile(path, path.name, sha256_of(path))
    except OSError:
        raise SourceError("access to it is denied") from None


def _cached(uri: str, digest: str, progress: Progress | None, *, download: bool = True) -> WeightsFile | None:
    """Return the cache's file, fetched if need be; None if its digest is another."""
    cache = WeightsCache(cache_root(WEIGHTS))
    try:
        path = cache.find(uri, digest)
        if path is None and not download:
            raise SourceError("it is not in the cache and download is off")
        path = path or cache.store(uri, digest, read_blocks(uri, progress))
    except WrongDigest:
        return None
    except OSError as error:
        raise StartupError(
            f"The cache of weights cannot be used ({error.strerror}); name a directory with SCORING_CACHE."
        ) from None
    return WeightsFile(path, file_name(uri), path.stem)
