"""What waits for a stage leaves as one call.

A call to a stage costs about the same whatever it carries, so while calls are out, what arrives is kept and leaves
together as the next call. There is no timer: a request that finds the stage idle leaves at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployments.deadlines import NEVER, timed_out
from deployments.errors import Overloaded, ScoringError, Unavailable

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Sends items with the seconds that each has waited and those that each has left until its deadline; returns as many
# results or errors, in the same order.
Send = Callable[[list[ItemT], list[float], list[float]], Awaitable[Sequence[ResultT | Exception]]]

# Where nothing else is said, as many items may wait as the calls may carry: so what is accepted takes at most twice as
# long under any load as it does when all calls are out and nothing waits, and the queue is empty soon after. Where
# calls carry few items, this many may wait all the same: bursts come in requests, whatever a call takes.
LEAST_WAITING = 32

# Turns of the event loop without a new item, after which those that wait leave. What one turn reads from connections
# the next makes items of, hence two.
QUIET_TURNS = 2


@dataclass(frozen=True, slots=True)
class Coalesced(Generic[ResultT]):
    """The result of one item and the seconds that the item waited before its call left."""

    result: ResultT
    queue_seconds: float


class Coalescer(Generic[ItemT, ResultT]):
    """Joins the items of concurrent requests into calls.

    Every accepted item is answered exactly once: by its own result, by its own error, or by its caller's
    cancellation. A call that fails as a whole gives each of its items that error. A call whose items have all
    been given up is cancelled.

    Args:
        send: makes one call; see `Send`.
        max_items: items in one call at the most.
        max_waiting: items that may wait; the next is refused with Overloaded. None: as many as fit what calls may
            carry, see `LEAST_WAITING`.
        max_calls: how many calls may be out, asked anew before each.
        weigh: weight of an item, in bytes for payloads.
        max_weight: weight of all items of a call at the most; a heavier item leaves alone.
    """

    def __init__(
        self,
        send: Send[ItemT, ResultT],
        *,
        max_items: int,
        max_waiting: int | None,
        max_calls: Callable[[], int],
        weigh: Callable[[ItemT], int] = lambda _item: 0,
        max_weight: int = 1,
    ) -> None:
        self._send = send
        self._max_items = max_items
        self._max_waiting = max_waiting
        self._max_calls = max_calls
        self._weigh = weigh
        self._max_weight = max_weight
        self._waiting: OrderedDict[_Entry[ItemT, ResultT], None] = OrderedDict()
        self._calls: set[_Call[ItemT, ResultT]] = set()
        self._dispatch_is_scheduled = False
        # No item that waits has an earlier deadline.
        self._earliest = NEVER

    @property
    def waiting(self) -> int:
        """Items that have not left yet."""
        return len(self._waiting)

    @property
    def calls_out(self) -> int:
        """Calls that have left and not come back."""
        return len(self._calls)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and no call is out."""
        return not self._waiting and not self._calls

    def check_room(self) -> None:
        """Make sure that one more item would be taken.

        Raises:
            Overloaded: too many items wait already.
        """
        if self._is_full():
            self._drop_late()
            if self._is_full():
                raise Overloaded("The queue of this model is full; try again shortly.")

    async def submit(self, item: ItemT, *, deadline: float | None = None) -> Coalesced[ResultT]:
        """Answer one item.

        There is no timer here either: who must not wait beyond the deadline cancels.

        Args:
            item: what to send.
            deadline: on the clock of `time.monotonic()`; an item that still waits then is never sent, and ends when
                its turn or another item's comes.

        Raises:
            Overloaded: too many items wait already.
            RequestTimeout: the deadline passed while the item waited.
            Exception: the item's own error.
        """
        self.check_room()
        entry: _Entry[ItemT, ResultT] = _Entry(item, self._weigh(item), NEVER if deadline is None else deadline)
        self._waiting[entry] = None
        self._earliest = min(self._earliest, entry.deadline)
        self._schedule()
        try:
            answer = await entry.answer
        finally:
            if entry.answer.cancelled():
                self._give_up(entry)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._most_waiting() and not self._has_room()

    def _most_waiting(self) -> int:
        if self._max_waiting is not None:
            return self._max_waiting
        return max(LEAST_WAITING, self._max_calls() * self._max_items)

    def _drop_late(self) -> None:
        """Make room where what waits is not wanted any more."""
        now = time.monotonic()
        if now < self._earliest:
            return
        for entry in [entry for entry in self._waiting if now >= entry.deadline]:
            del self._waiting[entry]
            entry.settle(timed_out(), now - entry.arrived)
        self._earliest = min((entry.deadline for entry in self._waiting), default=NEVER)

    def _has_room(self) -> bool:
        """Whether what waits is about to leave; so even with a queue of 0 an idle stage works."""
        free_calls = self._max_calls() - len(self._calls)
        return len(self._waiting) < free_calls * self._max_items

    def _schedule(self) -> None:
        """Dispatch when turns of the event loop bring no more, so that what comes together leaves in one call."""
        if self._waiting and not self._dispatch_is_scheduled:
            self._dispatch_is_scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch_when_quiet, len(self._waiting), 0)

    def _dispatch_when_quiet(self, seen: int, quiet_turns: int) -> None:
        waiting = len(self._waiting)
        quiet_turns = 0 if waiting > seen else quiet_turns + 1
        if waiting >= self._max_items or quiet_turns == QUIET_TURNS:
            self._dispatch()
        else:
            asyncio.get_running_loop().call_soon(self._dispatch_when_quiet, waiting, quiet_turns)

    def _dispatch(self) -> None:
        self._dispatch_is_scheduled = False
        while self._waiting and len(self._calls) < self._max_calls():
            if batch := self._take():
                call = _Call(batch)
                self._calls.add(call)
                # A fresh context: the call serves many requests and must not be cancelled or traced as one of them.
                call.task = asyncio.get_running_loop().create_task(self._make(call), context=contextvars.Context())

    def _take(self) -> list[_Entry[ItemT, ResultT]]:
        batch: list[_Entry[ItemT, ResultT]] = []
        weight = 0
        now = time.monotonic()
        while self._waiting and len(batch) < self._max_items:
            entry = next(iter(self._waiting))
            if batch and weight + entry.weight > self._max_weight:
                break
            del self._waiting[entry]
            if now >= entry.deadline:
                entry.settle(timed_out(), now - entry.arrived)
            elif not entry.answer.done():
                batch.append(entry)
                weight += entry.weight
        return batch

    async def _make(self, call: _Call[ItemT, ResultT]) -> None:
        started = time.monotonic()
        waited = [started - entry.arrived for entry in call.batch]
        left = [entry.deadline - started for entry in call.batch]
        results: Sequence[ResultT | Exception]
        results = [Unavailable("The call to the model was interrupted.")] * len(waited)
        try:
            results = _checked(await self._send([entry.item for entry in call.batch], waited, left), len(waited))
        except Exception as error:  # noqa: BLE001 - whatever it is, each item of this call gets it
            results = [error] * len(waited)
        finally:
            self._calls.discard(call)
            self._schedule()
            for entry, seconds, result in zip(call.batch, waited, results, strict=True):
                entry.settle(result, seconds)

    def _give_up(self, entry: _Entry[ItemT, ResultT]) -> None:
        if self._waiting.pop(entry, entry) is entry and entry.call is not None:
            entry.call.give_up_one()


class _Entry(Generic[ItemT, ResultT]):
    """One item on its way."""

    __slots__ = ("answer", "arrived", "call", "deadline", "item", "weight")

    def __init__(self, item: ItemT, weight: int, deadline: float) -> None:
        self.item = item
        self.weight = weight
        self.deadline = deadline
        self.arrived = time.monotonic()
        # Errors travel as results: one that nobody fetches, because its caller has gone, must not be reported.
        self.answer: asyncio.Future[Coalesced[ResultT] | Exception] = asyncio.get_running_loop().create_future()
        self.call: _Call[ItemT, ResultT] | None = None

    def settle(self, result: ResultT | Exception, queue_seconds: float) -> None:
        if not self.answer.done():
            self.answer.set_result(result if isinstance(result, Exception) else Coalesced(result, queue_seconds))


class _Call(Generic[ItemT, ResultT]):
    """One call that is out, with the items that it carries."""

    def __init__(self, batch: list[_Entry[ItemT, ResultT]]) -> None:
        self.batch = batch
        self.wanted = len(batch)
        self.task: asyncio.Task[None] | None = None
        for entry in batch:
            entry.call = self

    def give_up_one(self) -> None:
        self.wanted -= 1
        if self.wanted == 0 and self.task is not None:
            self.task.cancel()


def _checked(results: Sequence[ResultT | Exception], expected: int) -> Sequence[ResultT | Exception]:
    if len(results) != expected:
        raise ScoringError("The model answered with a wrong number of results.")
    return results
