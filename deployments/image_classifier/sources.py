"""Files by path or URI: local ones, http(s), and what fsspec opens (s3, abfs, gs and others)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

BLOCK_BYTES = 1024 * 1024
TIMEOUT = httpx.Timeout(30, connect=3)

# httpx limits the connection to each address of a host, but neither the resolution of its name nor the number of its
# addresses; on an isolated machine these add up.
ANSWER_SECONDS = 10.0

# Told the bytes that are done and, where known, those that there are.
Progress = Callable[[int, int | None], None]

Opened = tuple[int | None, Iterator[bytes]]


# What to say of an error; the first that fits.
REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (httpx.HTTPStatusError, "{host} answers {error.response.status_code}"),
    (httpx.ConnectError, "there is no connection to {host} ({error})"),
    ((httpx.TimeoutException, TimeoutError), "{host} does not answer in time"),
    (httpx.HTTPError, "the transfer from {host} broke off"),
    ((FileNotFoundError, IsADirectoryError), "there is no such file"),
    (PermissionError, "access to it is denied"),
    (ImportError, "a package for {scheme} addresses is missing ({error})"),
    (Exception, "it cannot be read ({kind})"),
)


class SourceError(Exception):
    """A file cannot be read; the message is a clause that says why and holds neither directory nor query."""


def local_path(uri: str) -> Path | None:
    """Return the path that a URI names on this machine; None for a remote one."""
    if "://" not in uri:
        return Path(uri)
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def file_name(uri: str) -> str:
    """Return the last part of a path or URI: what may be shown of it."""
    path = local_path(uri)
    return path.name if path is not None else urlsplit(uri).path.rpartition("/")[2]


def read_blocks(uri: str, progress: Progress | None = None) -> Iterator[bytes]:
    """Read a file block by block.

    Raises:
        SourceError: it is not there, not reachable, or breaks off.
    """
    done = 0
    try:
        with _opened(uri) as (total, blocks):
            for block in blocks:
                done += len(block)
                if progress is not None:
                    progress(done, total)
                yield block
    except Exception as error:
        raise SourceError(_reason(error, uri)) from error


def _opened(uri: str) -> AbstractContextManager[Opened]:
    if uri.startswith(("http://", "https://")):
        return _open_http(uri)
    path = local_path(uri)
    return _open_path(path) if path is not None else _open_fsspec(uri)


@contextmanager
def _open_path(path: Path) -> Iterator[Opened]:
    with path.open("rb") as file:
        yield path.stat().st_size, iter(lambda: file.read(BLOCK_BYTES), b"")


@contextmanager
def _open_fsspec(uri: str) -> Iterator[Opened]:
    import fsspec  # noqa: PLC0415 - a replica without remote files does without

    with fsspec.open(uri, "rb") as file:
        yield getattr(file, "size", None), iter(lambda: file.read(BLOCK_BYTES), b"")


@contextmanager
def _open_http(uri: str) -> Iterator[Opened]:
    with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
        response = _answer(client, uri)
        try:
            response.raise_for_status()
            length = response.headers.get("content-length")
            yield (int(length) if length else None), response.iter_bytes(BLOCK_BYTES)
        finally:
            response.close()


def _answer(client: httpx.Client, uri: str) -> httpx.Response:
    answer: Future[httpx.Response] = Future()
    request = client.build_request("GET", uri, headers={"accept-encoding": "identity"})

    def ask() -> None:
        try:
            answer.set_result(client.send(request, stream=True))
        except Exception as error:  # noqa: BLE001 - raised again where the answer is awaited
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(ANSWER_SECONDS)


def _reason(error: Exception, uri: str) -> str:
    text = next(text for kinds, text in REASONS if isinstance(error, kinds))
    parts = urlsplit(uri)
    return text.format(error=error, kind=type(error).__name__, host=parts.hostname, scheme=parts.scheme)
