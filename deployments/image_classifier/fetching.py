"""Files of weights on this machine: where they are, or fetched once into the cache."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployments.cache_root import WEIGHTS, cache_root
from deployments.contracts import Weights
from deployments.errors import StartupError
from deployments.image_classifier.cache import WeightsCache, WrongDigest, sha256_of
from deployments.image_classifier.engines.engine import Facts
from deployments.image_classifier.sources import Progress, SourceError, file_name, local_path, read_blocks

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """Weights on this machine.

    Attributes:
        path: where they are.
        name: what the file is called where it came from.
        sha256: of its content, in hex.
    """

    path: Path
    name: str
    sha256: str


class WithWeights:
    """What a `Source` tells of its weights, wherever they come from; a base of its dataclass."""

    __slots__ = ()

    file: WeightsFile | None
    seed: int
    why_untrained: str

    @property
    def weights(self) -> Weights:
        """Whether they come from training."""
        return "untrained" if self.file is None else "trained"

    @property
    def weights_facts(self) -> Facts:
        """Facts for people."""
        if self.file is None:
            return {"source": f"random, seed {self.seed}", "untrained": self.why_untrained}
        return {"source": self.file.name, "sha256": self.file.sha256}

    @property
    def weights_identity(self) -> str:
        """What the weights are."""
        return f"seed {self.seed}" if self.file is None else self.file.sha256


class WeightsMissing(Exception):
    """Weights that a library publishes cannot be had; the message is a clause that says why."""


def published(
    url: str, digest: str, suffix: str, *, download: bool = True, progress: Progress | None = None
) -> WeightsFile:
    """Return weights that a library publishes: from the cache, else downloaded.

    Args:
        url: where they are.
        digest: SHA-256, or its beginning; may be empty.
        suffix: with which the file's name is to end.
        download: whether it may be.
        progress: called during a transfer with the bytes done and, where known, those that there are.

    Raises:
        WeightsMissing: they cannot be had.
        StartupError: the cache cannot be used.
    """
    try:
        file = _cached(url, digest, suffix, progress, download=download)
    except SourceError as error:
        raise WeightsMissing(str(error)) from None
    if file is None:
        raise WeightsMissing(f"what came for {file_name(url)} has another SHA-256 than expected")
    return file


def configured(uri: str, digest: str, suffix: str, progress: Progress | None = None) -> WeightsFile | None:
    """Return a file that the settings name: local ones where they are, others from the cache or fetched.

    Returns:
        The file; None if its SHA-256 begins otherwise.

    Raises:
        SourceError: it is not there, or cannot be read.
        StartupError: the cache cannot be used.
    """
    path = local_path(uri)
    if path is None:
        return _cached(uri, digest, suffix, progress)
    file = _in_place(path)
    return file if file.sha256.startswith(digest) else None


def or_untrained(
    find: Callable[[], WeightsFile], what: str, setting: str, *, allow_untrained: bool
) -> tuple[WeightsFile | None, str]:
    """Return weights; or None, and a sentence that says why there are none.

    Args:
        find: finds the weights.
        what: names them, as in `The weights DEFAULT of resnet18`.
        setting: by which a file can be named instead.
        allow_untrained: start without.

    Raises:
        StartupError: there are none, and there must be.
    """
    try:
        return find(), ""
    except WeightsMissing as missing:
        sentence = f"{what} cannot be had: {missing}"
        if not allow_untrained:
            raise StartupError(f"{sentence}; name a file or URI that holds them with {setting}.") from None
        why = f"{sentence}; the model starts untrained, and what it answers means nothing."
        logger.warning("%s", why)
        return None, why


def _in_place(path: Path) -> WeightsFile:
    if not path.is_file():
        raise SourceError("there is no such file")
    try:
        return WeightsFile(path, path.name, sha256_of(path))
    except OSError:
        raise SourceError("access to it is denied") from None


def _cached(
    uri: str, digest: str, suffix: str, progress: Progress | None, *, download: bool = True
) -> WeightsFile | None:
    """Return the cache's file, fetched if need be; None if its digest is another."""
    cache = WeightsCache(cache_root(WEIGHTS), suffix)
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
    return WeightsFile(path, file_name(uri), path.name.removesuffix(suffix))
