"""Deadlines on their way from stage to stage.

Clocks of nodes differ, so what travels with an item is how many seconds it has left. Each stage makes a deadline of
them on its own clock, that of `time.monotonic()`; what is on its way between two stages gains the time of that way.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployments.errors import RequestTimeout

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# The deadline of what is wanted however late it comes.
NEVER = math.inf


def deadlines_of(left_seconds: Sequence[float] | None, count: int) -> list[float]:
    """Return the deadlines of a call's items, here and now.

    Args:
        left_seconds: of each item; None from a caller that sets no deadlines.
        count: of the items.
    """
    if left_seconds is None:
        return [NEVER] * count
    now = time.monotonic()
    return [now + left for left in left_seconds]


def has_passed(deadline: float) -> bool:
    """Whether it is too late."""
    return time.monotonic() >= deadline


def until(deadline: float) -> asyncio.Timeout:
    """Return a context that is cancelled at the deadline, and then raises TimeoutError."""
    if deadline == NEVER:
        return asyncio.timeout(None)
    return asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic())


def timed_out() -> RequestTimeout:
    """Return what an item is answered with whose deadline has passed."""
    return RequestTimeout("The request was not answered before its deadline.")


@dataclass(frozen=True, slots=True)
class InTime(Generic[ItemT]):
    """The items of a call that are still wanted.

    Attributes:
        items: those whose deadline has not passed, in their order.
        late: of each item of the call, whether its deadline has passed.
    """

    items: list[ItemT]
    late: list[bool]

    @classmethod
    def of(cls, items: Sequence[ItemT], deadlines: Sequence[float]) -> InTime[ItemT]:
        """Look which items are still wanted now."""
        now = time.monotonic()
        late = [now >= deadline for deadline in deadlines]
        return cls([item for item, is_late in zip(items, late, strict=True) if not is_late], late)

    def among_all(self, results: Iterable[ResultT]) -> list[ResultT | RequestTimeout]:
        """Return a result for each item of the call: those of `items` in their places, RequestTimeout in the others."""
        left = iter(results)
        return [timed_out() if is_late else next(left) for is_late in self.late]
