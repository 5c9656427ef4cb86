"""Weights that were fetched once, kept for the next start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from deployments.destinations import partial_file


class WrongDigest(Exception):
    """A file is not the one that was expected."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class WeightsCache:
    """Files in a directory for each URI, named by their own SHA-256 so that each tells whether it is whole.

    Processes may share it: a file appears under its name only when it is complete.

    Args:
        root: where the directories are.
        suffix: with which names of files end.
    """

    def __init__(self, root: Path, suffix: str = ".pth") -> None:
        self._root = root
        self._suffix = suffix

    def find(self, uri: str, digest: str) -> Path | None:
        """Return the file that came from a URI; damaged ones are removed.

        Args:
            uri: where it came from.
            digest: SHA-256 that it must have, or its beginning; may be empty.
        """
        for path in sorted(self._directory(uri).glob(f"{digest}*{self._suffix}")):
            if sha256_of(path) == path.name.removesuffix(self._suffix):
                return path
            path.unlink(missing_ok=True)
        return None

    def store(self, uri: str, digest: str, blocks: Iterable[bytes]) -> Path:
        """Keep what came from a URI; see `find`.

        Raises:
            WrongDigest: the content has another digest; nothing is kept.
            OSError: the directory cannot be written.
        """
        directory = self._directory(uri)
        with partial_file(directory) as file:
            found = _copy(blocks, file)
            if not found.startswith(digest):
                raise WrongDigest(found)
            file.flush()
            return Path(file.name).replace(directory / f"{found}{self._suffix}")

    def _directory(self, uri: str) -> Path:
        return self._root / hashlib.sha256(uri.encode()).hexdigest()[:32]


def _copy(blocks: Iterable[bytes], file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        file.write(block)
    return digest.hexdigest()
