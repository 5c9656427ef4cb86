"""Scoring the items of one request: side by side, each answered by itself or the request refused as a whole."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.contracts import Outcome, Weights
from deployments.errors import InvalidInput, Overloaded, ScoringError
from deployments.ingress.context import RequestContext
from deployments.ingress.routing.table import Stage
from deployments.interface import Work

# Items of one request that are in a model's queue, or in calls to it, at once: enough to fill the calls of a few
# replicas, few enough that the queue has room for other requests, which wait behind these and not behind the rest.
MAX_ITEMS_OUT = 128


@dataclass(frozen=True, slots=True)
class Scored:
    """What came out of a request.

    Attributes:
        results: of its items, in their order, as their stage gave them.
        seconds: where time went, in seconds by step; the longest where several items ran side by side.
        weights: untrained where any item was answered by an untrained model.
    """

    results: list[Any]
    seconds: dict[str, float]
    weights: Weights


async def score(context: RequestContext, stage: Stage, work: Work) -> Scored:
    """Score a request's items.

    Raises:
        ScoringError: an item has no result.
    """
    context.observation.submitted = time.perf_counter()
    if work.name is None:
        (item,) = work.items
        outcome = await stage.submit(item, deadline=context.deadline)
        result = _result_of(outcome)
        if work.accept is not None:
            work.accept(result)
        return Scored([result], outcome.seconds, outcome.weights)
    return merged(await score_all(stage, work.items, context.deadline, name=work.name, accept=work.accept))


async def score_all(
    stage: Stage,
    items: Sequence[Any],
    deadline: float,
    *,
    name: Callable[[int], str],
    accept: Callable[[Any], None] | None = None,
) -> list[Outcome[Any]]:
    """Score items side by side; give up all of them when one fails or the request is cancelled.

    Args:
        stage: what scores them.
        items: what the stage takes.
        deadline: on the clock of `time.monotonic()`.
        name: names an item, by its place, in an error about it.
        accept: is shown each result as it comes, in any order; what it raises fails the request.

    Raises:
        ScoringError: an item has no result.
    """
    return await _Batch(stage, items, deadline, name, accept).run()


def merged(outcomes: Collection[Outcome[Any]]) -> Scored:
    """Return what came out of several items as what came out of their request."""
    longest: dict[str, float] = {}
    for outcome in outcomes:
        for step, seconds in outcome.seconds.items():
            longest[step] = max(seconds, longest.get(step, 0.0))
    all_trained = all(outcome.weights == "trained" for outcome in outcomes)
    results = [outcome.result for outcome in outcomes]
    return Scored(results, longest, "trained" if all_trained else "untrained")


class _Batch:
    """The items of one request on their way through a stage."""

    def __init__(
        self,
        stage: Stage,
        items: Sequence[Any],
        deadline: float,
        name: Callable[[int], str],
        accept: Callable[[Any], None] | None,
    ) -> None:
        self._stage = stage
        self._left = deque(enumerate(items))
        self._out = 0
        self._deadline = deadline
        self._name = name
        self._accept = accept
        self._outcomes: dict[int, Outcome[Any]] = {}

    async def run(self) -> list[Outcome[Any]]:
        """Score every item; the first error ends the others before it is raised."""
        count = len(self._left)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(count, MAX_ITEMS_OUT)):
                    workers.create_task(self._work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [self._outcomes[index] for index in range(count)]

    async def _work(self) -> None:
        while self._left:
            index, item = self._left.popleft()
            self._out += 1
            try:
                outcome = await self._score(index, item)
            except Overloaded:
                if self._out == 1:
                    raise
                # Others of this request are still on their way: as they come back, they take this one with them.
                self._left.appendleft((index, item))
                return
            finally:
                self._out -= 1
            if self._accept is not None:
                self._accept(outcome.result)
            self._outcomes[index] = outcome

    async def _score(self, index: int, item: Any) -> Outcome[Any]:
        try:
            outcome = await self._stage.submit(item, deadline=self._deadline)
            _result_of(outcome)
        except InvalidInput as error:
            raise type(error)(f"{self._name(index)}: {error.message}") from None
        return outcome


def _result_of(outcome: Outcome[Any]) -> Any:
    if isinstance(outcome.result, ScoringError):
        raise outcome.result
    return outcome.result
