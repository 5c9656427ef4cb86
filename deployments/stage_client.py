"""How one stage calls another: coalesced, with limits, and again where a replica was lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, Literal, TypedDict, TypeVar

from deployments.coalescing import Coalescer
from deployments.contracts import CALLS_PER_REPLICA, CallLimits, ModelDescription, Outcome, Reply
from deployments.deadlines import timed_out
from deployments.errors import Unavailable
from deployments.recent_replicas import RecentReplicas
from deployments.same_turn import SameTurn
from deployments.stage_handle import ReplicaLost, StageHandle
from deployments.telemetry.instruments import CALL_ITEMS, CALLS_OUT, QUEUE_WAITING, REPLICAS_LOST

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

logger = logging.getLogger("ray.serve")

# A call beyond this leaves with one item only; large images must not add up to a message that no one can hold.
MAX_CALL_BYTES = 32 * 1024 * 1024

# Scoring has no side effects, so what a dying replica left unanswered is asked again, this often.
RETRIES_AFTER_LOSS = 2


class _Limits(TypedDict, total=False):
    """A coalescer's, by its own names."""

    max_items: int
    max_waiting: int | None
    max_calls: Callable[[], int]


class StageClient(Generic[ItemT, ResultT]):
    """The caller's side of a stage.

    Args:
        stage: the way to it.
        limits: how it is to be called.
        weigh: size of an item in bytes.
        method: of the stage, to be called.
        max_alone: each item travels in a call of its own, so that none waits for another, and one beyond so many is
            refused; None: items wait and travel as `limits` say.
    """

    def __init__(
        self,
        stage: StageHandle,
        limits: CallLimits,
        *,
        weigh: Callable[[ItemT], int] = lambda _item: 0,
        method: Literal["score", "explain"] = "score",
        max_alone: int | None = None,
    ) -> None:
        self._method = method
        self._stage = stage
        self._labels = (self._stage.name,)
        # A stage in this process that is brief answers without a task, and within a turn of the event loop.
        self._turn: SameTurn[ItemT, Outcome[ResultT]] | None = None
        if method == "score" and self._stage.may_answer_at_once:
            self._turn = SameTurn(self._score_now, limits.per_call)
        self._replicas = RecentReplicas(limits.replicas)
        self._coalescer: Coalescer[ItemT, Outcome[ResultT]] = Coalescer(
            self._send, **self._of_coalescer(limits, max_alone), weigh=weigh, max_weight=MAX_CALL_BYTES
        )
        QUEUE_WAITING.watch(self._coalescer, self._labels, lambda coalescer: coalescer.waiting)
        CALLS_OUT.watch(self._coalescer, self._labels, lambda coalescer: coalescer.calls_out)

    def _of_coalescer(self, limits: CallLimits, max_alone: int | None) -> _Limits:
        if max_alone is not None:
            return _Limits(max_items=1, max_waiting=0, max_calls=lambda: max_alone)
        if not limits.together:
            return _Limits(max_items=1, max_waiting=limits.waiting, max_calls=lambda: limits.concurrent)
        return _Limits(
            max_items=limits.per_call,
            max_waiting=limits.waiting,
            max_calls=lambda: CALLS_PER_REPLICA * self._replicas.count(),
        )

    def check_room(self) -> None:
        """Make sure that one more item would be taken, before anything is spent on it.

        Raises:
            Overloaded: the queue is full.
        """
        self._coalescer.check_room()

    async def submit(self, item: ItemT, *, deadline: float | None = None) -> Outcome[ResultT]:
        """Score one item.

        Args:
            item: what the stage takes.
            deadline: on the clock of `time.monotonic()`; the stage is told how many seconds are left.

        Returns:
            The item's own result or error, with `queue` added to its seconds.

        Raises:
            Overloaded: the queue is full.
            RequestTimeout: the deadline passed while it waited.
            Unavailable: no replica answered.
            ModelError: the stage failed on the whole call.
        """
        if self._turn is not None and self._coalescer.is_idle:
            if deadline is not None and time.monotonic() >= deadline:
                raise timed_out()
            answered = self._turn.alone(item)
            if answered is None:
                answered = await self._turn.joined(item, deadline)
            if answered is not None:
                answered.seconds["queue"] = 0.0
                return answered
        coalesced = await self._coalescer.submit(item, deadline=deadline)
        outcome = coalesced.result
        seconds = outcome.seconds
        seconds["queue"] = seconds.get("queue", 0.0) + coalesced.queue_seconds
        return outcome

    def _score_now(self, items: list[ItemT]) -> list[Outcome[ResultT]] | None:
        outcomes: list[Outcome[ResultT]] | None = self._stage.score_now(items)
        if outcomes is not None:
            CALL_ITEMS.observe(len(items), self._labels)
        return outcomes

    async def describe(self, timeout_seconds: float) -> ModelDescription:
        """Ask a replica what it has loaded.

        Raises:
            Unavailable: no replica answered in time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._stage.describe()
        except TimeoutError:
            raise Unavailable("No replica of this model is ready.") from None

    async def _send(self, items: list[ItemT], waited: list[float], left: list[float]) -> list[Outcome[ResultT]]:
        sent = time.monotonic()
        CALL_ITEMS.observe(len(items), self._labels)
        for _ in range(1 + RETRIES_AFTER_LOSS):
            lost = time.monotonic() - sent
            try:
                return await self._call(items, [each + lost for each in waited], [each - lost for each in left])
            except ReplicaLost:
                self._replicas.forget()
                REPLICAS_LOST.add(1, self._labels)
                logger.warning("A replica was lost with %d requests.", len(items))
        # Never Ray's own error: a caller that is a stage itself would look to its callers as if it were lost too.
        raise Unavailable("The replicas that were asked were lost.")

    async def _call(self, items: list[ItemT], waited: list[float], left: list[float]) -> list[Outcome[ResultT]]:
        reply: Reply[ResultT] = await self._stage.call(self._method, items, waited, left)
        self._replicas.saw(reply.replica)
        return reply.outcomes
