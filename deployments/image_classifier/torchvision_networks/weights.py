"""Where torchvision's weights come from: the cache, a configured file or URI, torchvision's download."""

from __future__ import annotations

import re
from pathlib import Path

from deployments.errors import StartupError
from deployments.image_classifier.fetching import WeightsFile, WeightsMissing, configured, published
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.sources import Progress, SourceError, file_name
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained

SUFFIX = ".pth"


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
    name = file_name(settings.weights_uri)
    try:
        file = configured(settings.weights_uri, (settings.weights_sha256 or "").lower(), SUFFIX, progress)
    except SourceError as error:
        raise StartupError(f"The weights file {name} cannot be had: {error}; correct weights_uri.") from None
    if file is None:
        raise StartupError(f"The weights file {name} has another SHA-256 than weights_sha256 says.")
    return file


def _torchvision(settings: ImageClassifierSettings, progress: Progress | None) -> WeightsFile:
    url = find_pretrained(settings.architecture, settings.weights).url
    digest = (settings.weights_sha256 or _digest_in(url)).lower()
    return published(url, digest, SUFFIX, download=settings.download, progress=progress)


def _digest_in(url: str) -> str:
    """Return the beginning of the SHA-256, with which torchvision ends the names of its files."""
    match = re.search(r"-([0-9a-f]{8,64})\.pth$", url)
    return match[1] if match else ""
