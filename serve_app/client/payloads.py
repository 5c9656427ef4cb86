"""Bodies of requests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import httpx

# An image file: its content, where it is, or an open file.
Image = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO

# Its content as it comes, which can be read only once.
Chunks = Iterator[bytes] | AsyncIterator[bytes]

_BINARY = "application/octet-stream"
_FIELD = "image"

# What needs no escaping in a form's header, and says something in an error.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


class Once:
    """A body that comes in chunks and can be read only once.

    Attributes:
        was_begun: whether somebody has begun to read it, so that it cannot be sent any more.
    """

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks
        self.was_begun = False

    def read(self) -> Iterator[bytes]:
        """Read it in a thread.

        Raises:
            TypeError: it must be awaited.
        """
        if not isinstance(self.chunks, Iterator):
            raise TypeError("Chunks that must be awaited are for AsyncScoringClient.")
        self.was_begun = True
        yield from self.chunks


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's body."""

    content: bytes | Once = field(default=b"", repr=False)
    media_type: str = ""

    @property
    def can_be_sent(self) -> bool:
        """Whether it is still there as a whole."""
        return isinstance(self.content, bytes) or not self.content.was_begun


def json_payload(content: dict[str, Any]) -> Payload:
    """Return JSON without the fields that are None.

    Raises:
        ValueError: a number is not finite, or a text holds half of a surrogate pair.
    """
    given = {name: value for name, value in content.items() if value is not None}
    text = json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return Payload(text.encode(), "application/json")
    except UnicodeEncodeError:
        raise ValueError("A text holds half of a surrogate pair, which UTF-8 cannot hold.") from None


def image_payload(image: Image | Chunks) -> Payload:
    """Return a bare image.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(image, Iterator | AsyncIterator) and not hasattr(image, "read"):
        return Payload(Once(image), _BINARY)
    return Payload(content_of(image), _BINARY)  # type: ignore[arg-type] # told apart by `read`


def images_payload(images: Sequence[Image], names: Sequence[str]) -> Payload:
    """Return a form of images.

    Raises:
        OSError: one cannot be read.
    """
    files = [(_FIELD, (name, content_of(image), _BINARY)) for name, image in zip(names, images, strict=True)]
    form = httpx.Request("POST", "http://form", files=files)
    return Payload(form.read(), form.headers["content-type"])


def names_of(images: Sequence[Image]) -> list[str]:
    """Return a name for each image, by which an error tells which one it means: the file's, or its place from 1."""
    names: dict[str, None] = {}
    for place, image in enumerate(images, 1):
        name = os.path.basename(os.fspath(image)) if isinstance(image, str | os.PathLike) else ""  # noqa: PTH119
        names[name if _PLAIN_NAME.fullmatch(name) and name not in names else _place_name(place, names)] = None
    return list(names)


def _place_name(place: int, taken: dict[str, None]) -> str:
    name = f"image-{place}"
    while name in taken:
        name += "-"
    return name


def content_of(image: Image) -> bytes:
    """Return the bytes of an image file.

    Raises:
        OSError: it cannot be read.
        TypeError: it is nothing that holds an image.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if isinstance(image, str | os.PathLike):
        return Path(image).read_bytes()
    if not hasattr(image, "read"):
        raise TypeError(f"An image is bytes, a path or a file that is open, no {type(image).__name__}.")
    content = image.read()
    if not isinstance(content, bytes):
        raise TypeError("Open an image file in binary mode.")
    return content
