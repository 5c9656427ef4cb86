"""Where files and directories are written: looked at before the work that would be lost, filled whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.errors import StartupError


def check_file(file: Path) -> None:
    """Checks that a file can be written.

    Raises:
        StartupError: it is a directory, or there is none to hold it.
    """
    if file.is_dir() or not file.parent.is_dir():
        raise StartupError(f"{file} cannot be written: name a file in a directory that exists.")


def is_taken(directory: Path) -> bool:
    """Whether something is there: a file, or a directory that is not empty."""
    return directory.is_file() or (directory.is_dir() and any(directory.iterdir()))


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
    directory = directory.absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    new = _sibling(directory)
    new.mkdir()
    try:
        yield new
        _put(new, directory, replace=replace)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sibling(directory: Path) -> Path:
    # In the same file system, where renaming is atomic.
    return directory.parent / f".{directory.name}.{uuid.uuid4().hex}"


def _put(new: Path, directory: Path, *, replace: bool) -> None:
    if not (directory.is_dir() and any(directory.iterdir())):
        new.rename(directory)
        return
    if not replace:
        raise FileExistsError(f"{directory} is not empty")
    old = _sibling(directory)
    directory.rename(old)
    new.rename(directory)
    shutil.rmtree(old, ignore_errors=True)
