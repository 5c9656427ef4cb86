"""Work on large bodies, aside from the event loop.

Reading 100 MB of JSON takes a good part of a second. On a thread it still holds the interpreter for a tenth of a second
at a time, but in between health checks and other requests get their turn. There is one thread, so that large bodies are
worked on one after the other: side by side they would take as long and more memory.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from string import whitespace
from typing import TypeVar

from starlette.requests import Request

ResultT = TypeVar("ResultT")

LARGE_BYTES = 1024 * 1024
SLICE = 1024 * 1024

# Where the reader of a body notes its size.
SIZE_IN_SCOPE = "scoring.body_bytes"

_ASIDE = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")


def size_of(request: Request) -> int:
    """Return the bytes of a request's body; 0 before it is read."""
    size: int = request.scope.get(SIZE_IN_SCOPE, 0)
    return size


async def aside(size: int, function: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Return what a function makes of a body of `size` bytes; if it is large, without holding up other requests."""
    if size <= LARGE_BYTES:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(_ASIDE, function, *arguments)


async def in_slices(body: bytes) -> AsyncGenerator[bytes, None]:
    """Yield a body little by little, and let others have their turn in between."""
    for start in range(0, len(body), SLICE):
        yield body[start : start + SLICE]
        await asyncio.sleep(0)


def from_base64(text: str) -> bytes:
    """Decode base64 that may have white space in it; strictly, and in slices.

    Raises:
        ValueError: it is not base64.
    """
    if len(text) <= SLICE:
        return _decoded("".join(text.split()))
    # Only the very end may be padding, which a slice could not tell from one in the middle.
    end = len(text.rstrip(f"={whitespace}"))
    decoded = BytesIO()
    left = ""
    for start in range(0, end, SLICE):
        piece = left + "".join(text[start : min(start + SLICE, end)].split())
        if "=" in piece:
            raise ValueError("The padding is not at the end.")
        whole = len(piece) - len(piece) % 4
        decoded.write(binascii.a2b_base64(piece[:whole], strict_mode=True))
        left = piece[whole:]
    decoded.write(_decoded(left + "".join(text[end:].split())))
    return decoded.getvalue()


def _decoded(text: str) -> bytes:
    # Python takes padding after a whole group, even when it is strict.
    if text.endswith("=") and not len(text.rstrip("=")) % 4:
        raise ValueError("There is padding where none belongs.")
    return binascii.a2b_base64(text, strict_mode=True)
