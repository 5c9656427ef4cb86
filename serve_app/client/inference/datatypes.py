"""Elements of tensors as little-endian bytes, by the datatypes of the Open Inference Protocol.

https://github.com/kserve/open-inference-protocol, "Tensor Data Types" and "Binary tensor data extension". The service
has the same of its own: a client is installed without it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

BYTES = "BYTES"

# Header of a request or answer that has binary data: the length of the JSON before it.
HEADER_LENGTH = "inference-header-content-length"

# The struct module's character for each datatype of numbers.
_CHARACTERS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i",
    "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip

NUMBERS = frozenset(_CHARACTERS)

_LENGTH = struct.Struct("<I")


def numpy_name(datatype: str) -> str:
    """Return NumPy's name of a datatype of numbers, little-endian."""
    if datatype == "BOOL":
        return "?"
    kind = {"F": "f", "U": "u", "I": "i"}[datatype[0]]
    return f"<{kind}{struct.calcsize(f'<{_CHARACTERS[datatype]}')}"


def pack(datatype: str, values: Sequence[Any]) -> bytes:
    """Return numbers as bytes.

    Raises:
        ValueError: one of them is no number of this datatype; the message is what is to be said of it.
    """
    types = _types(datatype)
    if not set(map(type, values)) <= types:
        wrong = next(value for value in values if type(value) not in types)
        raise ValueError(f"{_shown(wrong)} is not {_named(datatype)}")
    try:
        return struct.pack(f"<{len(values)}{_CHARACTERS[datatype]}", *values)
    except (struct.error, OverflowError):
        raise ValueError(f"a value is outside of what {datatype} holds") from None


def unpack(datatype: str, content: bytes | memoryview) -> list[Any]:
    """Return the numbers that bytes hold.

    Raises:
        ValueError: their length does not fit.
    """
    size = struct.calcsize(f"<{_CHARACTERS[datatype]}")
    if len(content) % size:
        raise ValueError(f"{len(content)} bytes are no whole number of {datatype}")
    return list(struct.unpack(f"<{len(content) // size}{_CHARACTERS[datatype]}", content))


def pack_elements(elements: Iterable[bytes]) -> bytes:
    """Return elements of BYTES, each behind its length of 4 bytes."""
    return b"".join(part for element in elements for part in (_LENGTH.pack(len(element)), element))


def unpack_elements(content: bytes | memoryview) -> list[bytes]:
    """Return the elements of BYTES, each of which stands behind its length.

    Raises:
        ValueError: an element ends after the content.
    """
    elements, place = [], 0
    while place < len(content):
        start = place + _LENGTH.size
        place = start + _LENGTH.unpack_from(content, place)[0] if start <= len(content) else start
        if place > len(content):
            raise ValueError("an element ends after its tensor")
        elements.append(bytes(content[start:place]))
    return elements


def _types(datatype: str) -> set[type]:
    if datatype == "BOOL":
        return {bool}
    return {int, float} if datatype.startswith("FP") else {int}


def _named(datatype: str) -> str:
    return {"B": "true or false", "F": "a number"}.get(datatype[0], "a whole number")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, bool | int | float) else f"a value of type {type(value).__name__}"
