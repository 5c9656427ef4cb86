"""Replicas of a stage, and the router that chooses among them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import simpy

from loadtest.sizing.simulation.stations import Then, Worker, after

Submit = Callable[[Then], bool]


@dataclass(slots=True)
class Call:
    """Requests on their way to a stage together.

    Attributes:
        items: what to do when each has been answered.
        replied: takes the length of the replica's queue.
    """

    items: Sequence[Then]
    replied: Callable[[int], None]


class Stage(Protocol):
    """A replica of any stage, as a router sees it."""

    length: int

    def receive(self, call: Call) -> None:
        """Take a call."""


class Replica:
    """Works on one call after the other, or on what several of them carry.

    Args:
        worker: its process.
        seconds: of a turn, by number of calls and of requests.
        joined: requests that it takes at once from several calls.
    """

    def __init__(self, worker: Worker, seconds: Callable[[int, int], float], *, joined: int = 1) -> None:
        self.worker = worker
        self.length = 0
        self._seconds = seconds
        self._joined = joined
        self._waiting: deque[Call] = deque()
        self._is_busy = False

    def receive(self, call: Call) -> None:
        """Take a call."""
        self.length += 1
        self._waiting.append(call)
        self._begin()

    def _begin(self) -> None:
        if self._is_busy or not self._waiting:
            return
        self._is_busy = True
        calls = [self._waiting.popleft()]
        items = len(calls[0].items)
        while self._waiting and items + len(self._waiting[0].items) <= self._joined:
            calls.append(self._waiting.popleft())
            items += len(calls[-1].items)
        self.worker.do(self._seconds(len(calls), items), lambda: self._worked(calls))

    def _worked(self, calls: Sequence[Call]) -> None:
        self._is_busy = False
        self._begin()
        for call in calls:
            self.length -= 1
            call.replied(self.length)


class Relay:
    """Prepares the requests of a call one by one, and hands each on as soon as it is ready.

    Args:
        worker: its event loop.
        threads: that prepare.
        call_seconds: of the event loop, for a call.
        item_seconds: of a thread, for each request.
        onward: hands one request to the next stage.
    """

    def __init__(
        self,
        worker: Worker,
        threads: Worker,
        *,
        call_seconds: Callable[[], float],
        item_seconds: Callable[[], float],
        onward: Submit,
    ) -> None:
        self.worker = worker
        self.threads = threads
        self.length = 0
        self._call_seconds = call_seconds
        self._item_seconds = item_seconds
        self._onward = onward

    def receive(self, call: Call) -> None:
        """Take a call; it is answered when the last of its requests is."""
        self.length += 1
        left = len(call.items)

        def answered() -> None:
            nonlocal left
            left -= 1
            if not left:
                self.length -= 1
                call.replied(self.length)

        def begun() -> None:
            for _ in call.items:
                self.threads.do(self._item_seconds(), lambda: self._hand_on(answered))

        self.worker.do(self._call_seconds(), begun)

    def _hand_on(self, answered: Then) -> None:
        self._onward(answered)


@dataclass(slots=True)
class _Known:
    length: int
    at: float


@dataclass(slots=True)
class Router:
    """Chooses the shorter queue of two random replicas, by what is known of them, as Ray Serve's router does.

    A length that is older than `cache_seconds` is asked for, which takes `probe` seconds. Of a replica that this router
    has not met, it knows what it would if it had been running for long: something of a random age.

    Attributes:
        env: simulated time.
        replicas: to choose from.
        network: seconds to a replica.
        cache_seconds: how long a length is trusted.
        probe: seconds to ask for it.
        mean_age: of what a router knows, where it has been running for long.
        random: of this simulation.
        asked: calls before which it did.
    """

    env: simpy.Environment
    replicas: Sequence[Stage]
    network: float
    cache_seconds: float
    probe: float
    mean_age: float
    random: random.Random
    asked: int = 0
    _known: dict[int, _Known] = field(default_factory=dict)

    def send(self, items: Sequence[Then], replied: Then) -> None:
        """Send requests to a replica; `replied` comes when its answer is here."""
        two = self.random.sample(range(len(self.replicas)), min(2, len(self.replicas)))
        old = [number for number in two if self._is_old(number)]
        if old:
            self.asked += 1
            after(self.env, self.probe, lambda: self._sent(two, old, items, replied))
        else:
            self._sent(two, old, items, replied)

    def _is_old(self, number: int) -> bool:
        known = self._known.get(number)
        if known is None:
            age = self.random.expovariate(1 / self.mean_age) if self.mean_age else 0.0
            known = self._known[number] = _Known(self.replicas[number].length, self.env.now - age)
        return self.env.now - known.at > self.cache_seconds

    def _sent(self, two: Sequence[int], asked: Sequence[int], items: Sequence[Then], replied: Then) -> None:
        for number in asked:
            self._known[number] = _Known(self.replicas[number].length, self.env.now)
        chosen = min(two, key=lambda number: self._known[number].length)
        known = self._known[chosen]
        known.length += 1

        def answered(length: int) -> None:
            known.length, known.at = length, self.env.now
            after(self.env, self.network, replied)

        after(self.env, self.network, lambda: self.replicas[chosen].receive(Call(items, answered)))
