"""Files of Keras networks on this machine, and what they are called by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from deployments.errors import StartupError
from deployments.image_classifier.cache import sha256_of
from deployments.image_classifier.fetching import WeightsFile, WeightsMissing, configured, published
from deployments.image_classifier.keras_networks.facts import Known
from deployments.image_classifier.keras_settings import KerasNetwork
from deployments.image_classifier.sources import SourceError, file_name, local_path

NETWORK = ".keras"

# Keras reads weights by how a file's name ends; the longest first.
WEIGHTS = (".weights.h5", ".h5", NETWORK)

# Of a digest in hex.
MD5, SHA256 = 32, 64


def find_file(network: KerasNetwork) -> WeightsFile:
    """Return the file that the settings name, fetched if need be; for a SavedModel its directory.

    Raises:
        StartupError: it cannot be had, is of another kind, or has another SHA-256.
    """
    assert network.uri is not None  # noqa: S101 - else there is no file to find
    name, digest = file_name(network.uri), (network.sha256 or "").lower()
    path = local_path(network.uri)
    try:
        if network.application is None and path is not None and path.is_dir():
            file: WeightsFile | None = _directory(path, digest)
        else:
            file = configured(network.uri, digest, _suffix(name, application=network.application))
    except SourceError as error:
        raise StartupError(f"The Keras network {name} cannot be had: {error}; correct keras.uri.") from None
    if file is None:
        raise StartupError(f"The Keras network {name} has another SHA-256 than keras.sha256 says.")
    return file


def find_published(known: Known, *, download: bool) -> WeightsFile:
    """Return ImageNet's weights as Keras publishes them, from the cache or downloaded.

    Raises:
        WeightsMissing: they cannot be had.
    """
    suffix = _suffix(file_name(known.url), application="")
    is_sha256 = len(known.digest) == SHA256
    file = published(known.url, known.digest if is_sha256 else "", suffix, download=download)
    if len(known.digest) == MD5 and _md5(file.path) != known.digest:
        file.path.unlink(missing_ok=True)
        raise WeightsMissing(f"what came for {file.name} has another MD5 than expected")
    return file


def _suffix(name: str, *, application: str | None) -> str:
    allowed = (NETWORK,) if application is None else WEIGHTS
    suffix = next((suffix for suffix in allowed if name.endswith(suffix)), None)
    if suffix is None and application is None:
        raise StartupError(
            f"keras.uri must name a .keras file or the directory of a SavedModel, not {name}: "
            "save the network with `model.save('network.keras')`."
        )
    if suffix is None:
        raise StartupError(f"keras.uri must name weights as .weights.h5, .h5 or .keras, not {name}.")
    return suffix


def _directory(path: Path, digest: str) -> WeightsFile | None:
    if not (path / "saved_model.pb").is_file():
        raise SourceError("the directory holds no saved_model.pb, so it is no SavedModel")
    try:
        found = hashlib.sha256("".join(_lines(path)).encode()).hexdigest()
    except OSError:
        raise SourceError("access to it is denied") from None
    return WeightsFile(path, path.name, found) if found.startswith(digest) else None


def _lines(directory: Path) -> Iterator[str]:
    """Give the lines that `sha256sum` prints of all files in a directory, in the order of their paths."""
    names = sorted(f"./{file.relative_to(directory).as_posix()}" for file in directory.rglob("*") if file.is_file())
    return (f"{sha256_of(directory / name)}  {name}\n" for name in names)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        # Of Keras's own choice, and only against files that were damaged on their way.
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
