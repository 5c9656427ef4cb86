"""Work on large bodies, off the event loop.

Reading 100 MB of JSON takes a good part of a second. On a thread it still holds the interpreter for a tenth of a second
at a time, but in between health checks and other requests get their turn. There is one thread, so that large bodies are
worked on one after the other: side by side they would take as long and more memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ResultT = TypeVar("ResultT")

LARGE_BYTES = 1024 * 1024

_ASIDE = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")


async def aside(size: int, function: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Return what a function makes of a body of `size` bytes; if it is large, without holding up other requests."""
    if size <= LARGE_BYTES:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(_ASIDE, function, *arguments)
