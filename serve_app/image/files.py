"""Image files as bodies of requests."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import httpx

from serve_app.client.payloads import Chunks, Once, Payload

# An image file: its content, where it is, or an open file.
Image = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO

_BINARY = "application/octet-stream"
_FIELD = "image"

# What needs no escaping in a form's header, and says something in an error.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


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
