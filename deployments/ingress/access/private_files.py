"""Files that only their owner may change: read whole, replaced whole, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_FILE = ".lock"
PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700

# Ten thousand clients fit many times; what is larger is not one of these files.
MAX_BYTES = 64 * 1024 * 1024


class UnsafeFile(Exception):
    """A file that is there and cannot be relied on; the message says why and names no content."""


def read_private(path: Path) -> bytes:
    """Read a file.

    Mounted secrets are readable by others, and of these files only signing.json holds a secret; but nobody else may
    write here, since whoever does lets themselves in.

    Raises:
        FileNotFoundError: there is none.
        UnsafeFile: everybody may write to it, it is too large or no file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise UnsafeFile("it is no file of this kind")
        if status.st_mode & stat.S_IWOTH:
            raise UnsafeFile("everybody may write to it; take that away with `chmod o-w`")
        return file.read()


def replace_private(path: Path, content: bytes) -> None:
    """Replace a file at once, so that a reader sees the old content or the new; the owner and group stay.

    Raises:
        OSError: it cannot be written; the old content stays.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _take_over(path, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other writers out of a directory, which is made where there is none; a killed writer's lock is gone.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take_over(path: Path, descriptor: int) -> None:
    """Give a new file the owner and permissions of the one before it: an administrator writes, a service reads."""
    with suppress(FileNotFoundError):
        before = path.stat()
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & ~(stat.S_IWOTH | stat.S_IWGRP))
        if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            with suppress(PermissionError):
                os.fchown(descriptor, before.st_uid, before.st_gid)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
