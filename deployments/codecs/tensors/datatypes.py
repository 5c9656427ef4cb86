"""The protocol's datatypes, and numbers as little-endian bytes.

Sizes and names: https://github.com/kserve/open-inference-protocol, "Tensor Data Types". BF16 has no form in JSON.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Literal, get_args

Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "BF16", "FP32", "FP64", "BYTES",
]  # fmt: skip
DATATYPES: tuple[str, ...] = get_args(Datatype)

# The struct module's character for each datatype that JSON can hold.
_CHARACTERS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i",
    "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip

# Bytes of one element; elements of BYTES differ.
SIZES = {name: struct.calcsize(f"<{character}") for name, character in _CHARACTERS.items()} | {"BF16": 2}


def pack(datatype: str, values: Sequence[Any]) -> bytes:
    """Return numbers as bytes.

    Raises:
        ValueError: one of them is no number of this datatype; the message is what is to be said of its tensor.
    """
    if not set(map(type, values)) <= _types(datatype):
        raise ValueError(f"its data must be {_named(datatype)}")
    if datatype == "UINT8":
        return _octets(values)
    try:
        return struct.pack(f"<{len(values)}{_CHARACTERS[datatype]}", *values)
    except (struct.error, OverflowError):
        raise ValueError(f"its data is outside of what {datatype} holds") from None


def unpack(datatype: str, content: bytes | memoryview) -> list[Any]:
    """Return bytes as numbers; their length must fit."""
    return list(struct.unpack(f"<{len(content) // SIZES[datatype]}{_CHARACTERS[datatype]}", content))


def _octets(values: Sequence[int]) -> bytes:
    try:
        return bytes(values)
    except ValueError:
        raise ValueError("its data is outside of what UINT8 holds") from None


def _types(datatype: str) -> set[type]:
    if datatype == "BOOL":
        return {bool}
    if datatype == "BF16":
        return set()
    return {int, float} if datatype.startswith("FP") else {int}


def _named(datatype: str) -> str:
    if datatype == "BF16":
        return "binary: JSON has no BF16"
    return {"BOOL": "true or false", "F": "numbers"}.get(datatype if datatype == "BOOL" else datatype[0], "integers")
