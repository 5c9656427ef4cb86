"""What comes in one turn of the event loop goes to a stage of this process in one call.

A model costs less for a question where it gets several at once, and a call within the turn costs no task and no wait.
While a call runs, requests gather in their connections; the next turn reads them all. So under load the items of a turn
are many, and of a single client there is one, which is answered without even a future.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployments.deadlines import NEVER, timed_out
from deployments.errors import ScoringError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Scores items; None where that may take too long to be done within the turn.
ScoreNow = Callable[[list[ItemT]], Sequence[ResultT] | None]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[ItemT, ResultT]):
    item: ItemT
    deadline: float
    answer: asyncio.Future[ResultT | Exception | None]


class SameTurn(Generic[ItemT, ResultT]):
    """Joins the items of a turn.

    Args:
        score_now: scores them.
        max_items: of one call.
    """

    def __init__(self, score_now: ScoreNow[ItemT, ResultT], max_items: int) -> None:
        self._score_now = score_now
        self._max_items = max_items
        self._waiting: list[_Waiting[ItemT, ResultT]] = []
        # Items of this turn so far, and whether the turn before had several.
        self._seen = 0
        self._is_crowded = False

    def alone(self, item: ItemT) -> ResultT | None:
        """Score an item at once, if it is the first of its turn and others are not to be expected.

        Returns:
            Its result; None where it is to be joined with others, or the stage may take too long.
        """
        self._seen += 1
        if self._seen > 1:
            return None
        asyncio.get_running_loop().call_soon(self._end_turn)
        if self._is_crowded:
            return None
        results = self._score_now([item])
        return None if results is None else results[0]

    async def joined(self, item: ItemT, deadline: float | None) -> ResultT | None:
        """Score an item with the others of its turn, after `alone` has returned None for it.

        Returns:
            Its result; None where the stage may take too long.

        Raises:
            RequestTimeout: the deadline has passed.
            Exception: the call failed.
        """
        answer: asyncio.Future[ResultT | Exception | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, NEVER if deadline is None else deadline, answer))
        result = await answer
        if isinstance(result, Exception):
            raise result
        return result

    def _end_turn(self) -> None:
        self._is_crowded, self._seen = self._seen > 1, 0
        waiting, self._waiting = self._waiting, []
        now = time.monotonic()
        wanted = []
        for each in waiting:
            if each.answer.done():
                continue
            if now >= each.deadline:
                each.answer.set_result(timed_out())
            else:
                wanted.append(each)
        for start in range(0, len(wanted), self._max_items):
            self._score(wanted[start : start + self._max_items])

    def _score(self, wanted: list[_Waiting[ItemT, ResultT]]) -> None:
        results: Sequence[ResultT | Exception | None]
        try:
            results = self._score_now([each.item for each in wanted]) or [None] * len(wanted)
            if len(results) != len(wanted):
                raise ScoringError("The model answered with a wrong number of results.")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - whatever it is, each item of this call gets it
            results = [error] * len(wanted)
        for each, result in zip(wanted, results, strict=True):
            each.answer.set_result(result)
