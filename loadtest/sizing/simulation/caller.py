"""Whoever calls a stage: what waits leaves as one call, as the product's coalescing does it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from loadtest.sizing.simulation.replicas import Router
from loadtest.sizing.simulation.stations import Then, Worker

LEAST_WAITING = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one caller.

    Attributes:
        max_items: requests in a call.
        max_calls: calls that are out.
        max_waiting: requests that wait; None: any number.
    """

    max_items: int
    max_calls: int
    max_waiting: int | None = None


class Caller:
    """Joins requests into calls: at once while a call may leave, else with the next one.

    Args:
        worker: the process that calls.
        router: where to.
        limits: of this caller.
        seconds: of the worker, for a call: half to send it, half to take its answer.
    """

    def __init__(self, worker: Worker, router: Router, limits: Limits, seconds: float) -> None:
        self.router = router
        self.calls = 0
        self.items = 0
        self._worker = worker
        self._limits = limits
        self._half = seconds / 2
        self._waiting: deque[Then] = deque()
        self._out = 0
        self._is_leaving = False

    def submit(self, done: Then) -> bool:
        """Take a request, unless too many wait already."""
        most = self._limits.max_waiting
        if most is not None and len(self._waiting) >= most and not self._may_leave():
            return False
        self._waiting.append(done)
        self._leave()
        return True

    def _may_leave(self) -> bool:
        return self._out < self._limits.max_calls

    def _leave(self) -> None:
        """What comes before the process gets to it leaves with it."""
        if self._waiting and not self._is_leaving and self._may_leave():
            self._is_leaving = True
            self._worker.do(self._half, self._left)

    def _left(self) -> None:
        self._is_leaving = False
        self._out += 1
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._limits.max_items))]
        self.calls += 1
        self.items += len(batch)
        self.router.send(batch, lambda: self._worker.do(self._half, lambda: self._answered(batch)))
        self._leave()

    def _answered(self, batch: list[Then]) -> None:
        self._out -= 1
        self._leave()
        for done in batch:
            done()
