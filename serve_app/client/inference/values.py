"""From a caller's value to a tensor as it is sent."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from serve_app.client.inference.arrays import array_of, is_array, numbers_of
from serve_app.client.inference.datatypes import BYTES, NUMBERS, pack, pack_elements
from serve_app.client.results import Tensor

TEXT, JSON = "text/plain", "application/json"

# Numbers of this many bytes or more go behind the JSON of a request: there they are shorter and quicker to read.
BINARY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class SentTensor:
    """A tensor of a request.

    Attributes:
        name: the input's name.
        datatype: of the protocol.
        shape: the size of each dimension.
        data: its elements for JSON, or the bytes that go behind the JSON.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | bytes = field(repr=False)


def encode(tensor: Tensor, value: Any) -> SentTensor:
    """Return what is sent for a value.

    Args:
        tensor: the input, as the model describes it.
        value: an array, nested lists of the tensor's shape, or one row of it where the first dimension is any size.
            Elements of BYTES are texts, bytes, paths or open files; any JSON where the content type says so.

    Raises:
        ValueError: it is nothing that the input takes; the message is the end of a sentence.
        OSError: a file cannot be read.
    """
    if tensor.datatype == BYTES:
        shape, elements = _unnested(tensor, array_of(value).tolist() if is_array(value) else value)
        return SentTensor(tensor.name, BYTES, shape, _elements(tensor, elements))
    if tensor.datatype not in NUMBERS:
        raise ValueError(f"this client cannot send {tensor.datatype}")
    if is_array(value):
        shape, content = numbers_of(tensor, value)
        _check_shape(tensor, shape)
        if len(content) >= BINARY_BYTES:
            return SentTensor(tensor.name, tensor.datatype, shape, content)
        value = array_of(value).reshape(shape).tolist()
    shape, numbers = _unnested(tensor, value)
    content = pack(tensor.datatype, numbers)
    # JSON has neither infinities nor NaN.
    in_json = len(content) < BINARY_BYTES and all(map(math.isfinite, numbers))
    return SentTensor(tensor.name, tensor.datatype, shape, numbers if in_json else content)


def described(tensor: Tensor) -> str:
    """Return what an input takes, in words: `FP32 [any, 3]`."""
    sizes = ", ".join("any" if size < 0 else str(size) for size in tensor.shape)
    return f"{tensor.datatype} [{sizes}]" + (f" of {tensor.content_type}" if tensor.content_type else "")


def _unnested(tensor: Tensor, value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Return a value's shape and its elements, row by row."""
    rank = len(tensor.shape)
    depth = _depth(value, rank)
    if depth == rank - 1 and tensor.shape[0] in {-1, 1}:
        value = [value]
    elif depth != rank:
        raise ValueError(f"it has {depth} dimensions")
    shape, level = [], [value]
    for _ in range(rank):
        sizes = {len(each) if isinstance(each, list | tuple) else -1 for each in level}
        if len(sizes) != 1 or -1 in sizes:
            raise ValueError("its rows differ in length")
        shape.append(sizes.pop())
        level = list(chain.from_iterable(level))
        if not level:
            raise ValueError("it is empty")
    _check_shape(tensor, tuple(shape))
    return tuple(shape), level


def _depth(value: Any, most: int) -> int:
    depth = 0
    while depth < most and isinstance(value, list | tuple):
        depth += 1
        if not value:
            break
        value = value[0]
    return depth


def _check_shape(tensor: Tensor, shape: tuple[int, ...]) -> None:
    if len(shape) != len(tensor.shape) or any(
        size not in {-1, given} for size, given in zip(tensor.shape, shape, strict=True)
    ):
        raise ValueError(f"it has the shape {list(shape)}")


def _elements(tensor: Tensor, values: list[Any]) -> list[Any] | bytes:
    if tensor.content_type == JSON:
        return [_json_text(value) for value in values]
    elements = [_content(value) for value in values]
    if tensor.content_type not in {"", TEXT}:
        if any(isinstance(each, str) for each in elements):
            raise ValueError("a text is no file: give its bytes, a pathlib.Path or an open file")
        return pack_elements(_all_bytes(elements))
    if tensor.content_type == TEXT:
        elements = [_text(each) for each in elements]
    return elements if all(isinstance(each, str) for each in elements) else pack_elements(_all_bytes(elements))


def _content(value: Any) -> str | bytes:
    if isinstance(value, os.PathLike):
        return Path(value).read_bytes()
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if not isinstance(value, str | bytes):
        raise ValueError(f"a value of type {type(value).__name__} is neither text nor bytes")  # noqa: TRY004
    return value


def _all_bytes(elements: Iterable[str | bytes]) -> list[bytes]:
    return [each.encode() if isinstance(each, str) else each for each in elements]


def _text(element: str | bytes) -> str:
    try:
        text = element.decode() if isinstance(element, bytes) else element
        text.encode()
    except UnicodeError:
        raise ValueError("a text is not UTF-8") from None
    return text


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"JSON cannot hold it: {error}") from None
