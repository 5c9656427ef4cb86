"""How one stage calls another: coalesced, with limits, over a Ray Serve handle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Generic, Literal, TypedDict, TypeVar

from grpc import StatusCode
from grpc.aio import AioRpcError
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from deployments.coalescing import Coalescer
from deployments.contracts import ModelDescription, Outcome, Reply
from deployments.deadlines import timed_out
from deployments.errors import ModelError, Unavailable
from deployments.hosted import HostedHandle
from deployments.recent_replicas import RecentReplicas
from deployments.scaling import CALLS_PER_REPLICA, ScalingSettings
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
        handle: Ray Serve's handle of the deployment, or that of a stage in this process; it has the methods `score`
            and `describe`.
        scaling: the called stage's settings, for its limits.
        weigh: size of an item in bytes.
        method: of the stage, to be called.
        together: whether items travel together; if not, each has a call of its own, as many as one replica works on at
            once.
        max_alone: each item travels in a call of its own, so that none waits for another, and one beyond so many is
            refused; None: items wait and travel as `scaling` and `together` say.
    """

    def __init__(
        self,
        handle: DeploymentHandle[Any] | HostedHandle,
        scaling: ScalingSettings,
        *,
        weigh: Callable[[ItemT], int] = lambda _item: 0,
        method: Literal["score", "explain"] = "score",
        together: bool = True,
        max_alone: int | None = None,
    ) -> None:
        self._method = method
        # The messages hold data classes of this product, which plain pickle carries at half of cloudpickle's cost.
        self._handle: Any = handle.options(request_serialization="pickle", response_serialization="pickle")
        self._labels = (handle.deployment_name,)
        # A stage in this process that is brief answers without a call, and without a turn of the event loop.
        self._now: Callable[[ItemT], Outcome[ResultT] | None] | None = None
        if method == "score" and isinstance(handle, HostedHandle):
            self._now = handle.score_now
        self._replicas = RecentReplicas(scaling.min_replicas)
        limits = _Limits(
            max_items=scaling.max_items_per_call,
            max_waiting=scaling.max_queued_requests,
            max_calls=lambda: CALLS_PER_REPLICA * self._replicas.count(),
        )
        if not together:
            limits |= _Limits(max_items=1, max_calls=lambda: scaling.max_concurrent_requests)
        if max_alone is not None:
            limits = _Limits(max_items=1, max_waiting=0, max_calls=lambda: max_alone)
        self._coalescer: Coalescer[ItemT, Outcome[ResultT]] = Coalescer(
            self._send, **limits, weigh=weigh, max_weight=MAX_CALL_BYTES
        )
        QUEUE_WAITING.watch(self._coalescer, self._labels, lambda coalescer: coalescer.waiting)
        CALLS_OUT.watch(self._coalescer, self._labels, lambda coalescer: coalescer.calls_out)

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
        if self._now is not None and self._coalescer.is_idle:
            if deadline is not None and time.monotonic() >= deadline:
                raise timed_out()
            at_once: Outcome[ResultT] | None = self._now(item)
            if at_once is not None:
                CALL_ITEMS.observe(1, self._labels)
                at_once.seconds["queue"] = 0.0
                return at_once
        coalesced = await self._coalescer.submit(item, deadline=deadline)
        outcome = coalesced.result
        seconds = outcome.seconds
        seconds["queue"] = seconds.get("queue", 0.0) + coalesced.queue_seconds
        return outcome

    async def describe(self, timeout_seconds: float) -> ModelDescription:
        """Ask a replica what it has loaded.

        Raises:
            Unavailable: no replica answered in time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                description: ModelDescription = await self._handle.describe.remote()
        except (TimeoutError, RayActorError, AioRpcError, RayServeException, RayTaskError):
            raise Unavailable("No replica of this model is ready.") from None
        return description

    async def _send(self, items: list[ItemT], waited: list[float], left: list[float]) -> list[Outcome[ResultT]]:
        sent = time.monotonic()
        CALL_ITEMS.observe(len(items), self._labels)
        for _ in range(1 + RETRIES_AFTER_LOSS):
            lost = time.monotonic() - sent
            try:
                return await self._call(items, [each + lost for each in waited], [each - lost for each in left])
            except (RayActorError, AioRpcError) as error:
                if not _is_loss(error):
                    raise
                self._replicas.forget()
                REPLICAS_LOST.add(1, self._labels)
                logger.warning("A replica was lost with %d requests.", len(items))
        # Never Ray's own error: a caller that is a stage itself would look to its callers as if it were lost too.
        raise Unavailable("The replicas that were asked were lost.")

    async def _call(self, items: list[ItemT], waited: list[float], left: list[float]) -> list[Outcome[ResultT]]:
        try:
            reply: Reply[ResultT] = await getattr(self._handle, self._method).remote(items, waited, left)
        except RayServeException as error:
            raise Unavailable("No replica of this model can answer at the moment.") from error
        except RayTaskError as error:
            # The message may hold what the client sent.
            logger.error("A stage failed on %d requests: %s.", len(items), type(error.cause).__name__)  # noqa: TRY400
            raise ModelError("The model failed on this request.") from error
        self._replicas.saw(reply.replica)
        return reply.outcomes


def _is_loss(error: Exception) -> bool:
    """Whether a call's connection broke, and not what it carried.

    Ray Serve takes only UNAVAILABLE for the loss of a replica; one that dies within an answer leaves other statuses.
    """
    return not isinstance(error, AioRpcError) or error.code() is not StatusCode.RESOURCE_EXHAUSTED
