"""The binary tensor extension: what stands behind the JSON of a request or response.

https://github.com/kserve/open-inference-protocol, "Binary tensor data extension": the header
Inference-Header-Content-Length holds the length of the JSON; the tensors follow in their order, without gaps.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from deployments.errors import InvalidInput

HEADER_LENGTH = "inference-header-content-length"
BINARY_SIZE = "binary_data_size"

_LENGTH = struct.Struct("<I")
_MAX_DIGITS = 12


def split(body: bytes, header_length: str | None) -> tuple[bytes, memoryview]:
    """Return a body's JSON and what follows it.

    Args:
        body: the whole body.
        header_length: the header's value; None if there was none, then everything is JSON.

    Raises:
        InvalidInput: it is no length, or more than there is.
    """
    if header_length is None:
        return body, memoryview(b"")
    digits = header_length.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS):
        raise InvalidInput("The header Inference-Header-Content-Length must be the length of the JSON in bytes.")
    length = int(digits)
    if not 0 < length <= len(body):
        raise InvalidInput(
            f"The header Inference-Header-Content-Length is {length}; the body has {len(body)} bytes, JSON first."
        )
    return body[:length], memoryview(body)[length:]


def unpack_elements(content: memoryview, count: int) -> list[bytes]:
    """Return the elements of a BYTES tensor, each of which stands behind its length of 4 bytes.

    Raises:
        ValueError: they are not as many, or do not end where the tensor does; the message is what is to be said of it.
    """
    # Checked before anything is taken, so that a count alone takes no memory.
    if count * _LENGTH.size > len(content):
        raise ValueError(f"its {len(content)} bytes cannot hold {count} elements with a length of 4 bytes each")
    elements = []
    place = 0
    for _ in range(count):
        start = place + _LENGTH.size
        place = start + (_LENGTH.unpack_from(content, place)[0] if start <= len(content) else 0)
        if place > len(content) or start > len(content):
            raise ValueError(f"an element ends after the tensor's {len(content)} bytes")
        elements.append(bytes(content[start:place]))
    if place != len(content):
        raise ValueError(f"{len(content) - place} bytes follow its last element")
    return elements


def pack_elements(elements: Iterable[bytes]) -> bytes:
    """Return the elements of a BYTES tensor, each behind its length."""
    return b"".join(part for element in elements for part in (_LENGTH.pack(len(element)), element))
