"""Where files and directories are written: looked at before the work that would be lost, filled whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from deployments.errors import StartupError


def check_file(file: Path) -> None:
    """Checks that a file can be written.

    Raises:
        StartupError: it is a directory, or there is none to hold it.
    """
    if file.is_dir() or not file.parent.is_dir():
        raise StartupError(f"{file} cannot be written: name a file in a directory that exists.")


def check_new(
    directory: Path,
    is_own: Callable[[Path], bool],
    kind: str,
    *,
    short: str = "model",
    overwrite: bool = False,
    instead: str = "replace it with --overwrite",
) -> None:
    """Checks where a directory is to be written, before the work that would be lost.

    Args:
        directory: the user's --output.
        is_own: tells of a directory whether it is of the kind that is written.
        kind: what is written, as in *FAQ model*.
        short: the same where the kind is known.
        overwrite: what is there may be replaced, if it is of this kind.
        instead: what else a user may do where there is one.

    Raises:
        StartupError: there is something else, or one that must not be replaced.
    """
    if not is_taken(directory):
        return
    if not is_own(directory):
        raise StartupError(f"{directory} holds files that are no {kind}: choose another --output.")
    if not overwrite:
        raise StartupError(f"{directory} holds a {short}: choose another --output, or {instead}.")


def is_taken(directory: Path) -> bool:
    """Whether something is there: a file, or a directory that is not empty."""
    return directory.is_file() or (directory.is_dir() and any(directory.iterdir()))


@contextmanager
def partial_file(directory: Path) -> Iterator[IO[bytes]]:
    """A new file, open for writing, that goes away unless its block has renamed it, as a whole, to what it is.

    Args:
        directory: where it is, made if need be.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=directory, prefix="partial-", delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


@contextmanager
def staged(directory: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new directory that takes the place of `directory` when its block ends well, and else goes away.

    Args:
        directory: where to; new or empty unless `replace`.
        replace: take the place of what is there.

    Raises:
        FileExistsError: the directory holds something, and `replace` is not set.
        OSError: it cannot be written.
    """
    with beside(directory) as new:
        yield new
        put(new, directory, replace=replace)


@contextmanager
def beside(directory: Path) -> Iterator[Path]:
    """A new directory in the same file system as `directory`, where renaming is atomic; goes away unless it is `put`.

    Raises:
        OSError: it cannot be made.
    """
    new = _sibling(directory.absolute())
    new.mkdir(parents=True)
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def put(new: Path, directory: Path, *, replace: bool = False) -> None:
    """Moves what was filled `beside` a directory to its place; see `staged`."""
    directory = directory.absolute()
    if not (directory.is_dir() and any(directory.iterdir())):
        new.rename(directory)
        return
    if not replace:
        raise FileExistsError(f"{directory} is not empty")
    old = _sibling(directory)
    directory.rename(old)
    new.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def _sibling(directory: Path) -> Path:
    return directory.parent / f".{directory.name}.{uuid.uuid4().hex}"
