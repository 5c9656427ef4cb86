"""From a request's items to the outcomes of its model."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.contracts import Outcome, Weights
from deployments.errors import InvalidInput, Overloaded, ScoringError
from deployments.ingress.models import Stage, Version
from deployments.telemetry.observation import note_submitted

# Items of one request that are in a model's queue, or in calls to it, at once: enough to fill the calls of a few
# replicas, few enough that the queue has room for other requests, which wait behind these and not behind the rest.
MAX_ITEMS_OUT = 128


@dataclass(frozen=True, slots=True)
class Scored:
    """What came out of a request or of one of its items.

    Attributes:
        result: the result, as its stage gave it or ready for JSON.
        seconds: where time went, in seconds by step; the longest where several items ran side by side.
        weights: untrained where any item was answered by an untrained model.
        beside: what a response tells beside its result, ready for JSON.
    """

    result: Any
    seconds: dict[str, float]
    weights: Weights
    beside: dict[str, Any] = field(default_factory=dict)


async def score_one(version: Version, item: Any, deadline: float) -> Scored:
    """Score a request's only item.

    Raises:
        ScoringError: the item has no result.
    """
    note_submitted()
    return _succeeded(await version.stage.submit(item, deadline=deadline))


async def score_all(
    version: Version,
    items: Sequence[Any],
    deadline: float,
    *,
    name: Callable[[int], str],
    accept: Callable[[Any], None] = lambda _result: None,
) -> list[Scored]:
    """Score a request's items side by side; give up all of them when one fails or the request is cancelled.

    Args:
        version: what scores them.
        items: what its stage takes.
        deadline: on the clock of `time.monotonic()`.
        name: names an item, by its place, in an error about it.
        accept: is shown each result as it comes, in any order; what it raises fails the request.

    Raises:
        ScoringError: an item has no result.
    """
    note_submitted()
    return await _Batch(version.stage, items, deadline, name, accept).run()


def joined(result: Any, items: Collection[Scored], beside: dict[str, Any] | None = None) -> Scored:
    """Return the result of a request with what is to be said of all its items."""
    longest: dict[str, float] = {}
    for item in items:
        for step, seconds in item.seconds.items():
            longest[step] = max(seconds, longest.get(step, 0.0))
    all_trained = all(item.weights == "trained" for item in items)
    return Scored(result, longest, "trained" if all_trained else "untrained", beside or {})


class _Batch:
    """The items of one request on their way through a stage."""

    def __init__(
        self,
        stage: Stage,
        items: Sequence[Any],
        deadline: float,
        name: Callable[[int], str],
        accept: Callable[[Any], None],
    ) -> None:
        self._stage = stage
        self._left = deque(enumerate(items))
        self._out = 0
        self._deadline = deadline
        self._name = name
        self._accept = accept
        self._scored: dict[int, Scored] = {}

    async def run(self) -> list[Scored]:
        """Score every item; the first error ends the others before it is raised."""
        count = len(self._left)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(count, MAX_ITEMS_OUT)):
                    workers.create_task(self._work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [self._scored[index] for index in range(count)]

    async def _work(self) -> None:
        while self._left:
            index, item = self._left.popleft()
            self._out += 1
            try:
                scored = await self._score(index, item)
            except Overloaded:
                if self._out == 1:
                    raise
                # Others of this request are still on their way: as they come back, they take this one with them.
                self._left.appendleft((index, item))
                return
            finally:
                self._out -= 1
            self._accept(scored.result)
            self._scored[index] = scored

    async def _score(self, index: int, item: Any) -> Scored:
        try:
            return _succeeded(await self._stage.submit(item, deadline=self._deadline))
        except InvalidInput as error:
            raise type(error)(f"{self._name(index)}: {error.message}") from None


def _succeeded(outcome: Outcome[Any]) -> Scored:
    if isinstance(outcome.result, ScoringError):
        raise outcome.result
    return Scored(outcome.result, outcome.seconds, outcome.weights)
