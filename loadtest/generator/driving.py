"""A worker's part of a plan: requests at their times, or by clients that wait for answers; for processes of gevent."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from itertools import accumulate, islice

import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]

from loadtest.generator.arrivals import due_times, starts
from loadtest.generator.bad_requests import EXPECTED as EXPECTED_STATUSES
from loadtest.generator.connections import Connections, Prepared
from loadtest.generator.plan import Plan, share_of
from loadtest.generator.tally import EXPECTED, OK, Tally
from loadtest.generator.timer import Timer

# A loop that is behind lets the requests it has started run after so many more.
_AT_A_STRETCH = 10
_DRAIN_SECONDS = 0.02


class Group:
    """Requests that are counted together, sent in turn."""

    def __init__(self, number: int, requests: Sequence[Prepared], first: int, *, bad: bool) -> None:
        self.number = number
        self.bad = bad
        self._requests = requests
        self._next = first

    def next(self) -> Prepared:
        """Return the next request."""
        self._next = (self._next + 1) % len(self._requests)
        return self._requests[self._next]

    def outcome(self, status: str) -> str:
        """Return what a status or a failure is for these requests."""
        if self.bad:
            if status.isdecimal() and int(status) in EXPECTED_STATUSES:
                return EXPECTED
            return "bad request accepted" if status.startswith("2") else _named(status)
        return OK if status.startswith("2") else _named(status)


class Mix:
    """Chooses what is sent next.

    Args:
        plan: the run.
        host: for the requests' headers.
        headers: of every request, keys and tokens among them.
        index: of the worker; workers begin with different requests.
    """

    def __init__(self, plan: Plan, host: str, headers: Mapping[str, str], index: int) -> None:
        self._chance = random.Random(f"{plan.seed} {index}")
        self._bad_share = plan.bad_share
        self._good: list[Group] = []
        self._bad: list[Group | None] = []
        number = len(plan.scenarios)
        for position, scenario in enumerate(plan.scenarios):
            prepared = [Prepared(request, host, headers) for request in scenario.requests]
            self._good.append(Group(position, prepared, index, bad=False))
            bad = [Prepared(request, host, headers) for request in scenario.bad_requests] if plan.bad_share else []
            self._bad.append(Group(number, bad, index, bad=True) if bad else None)
            number += bool(bad)
        self._positions = range(len(plan.scenarios))
        self._weights = list(accumulate(scenario.weight for scenario in plan.scenarios))

    def next(self) -> Group:
        """Return the group that the next request is of."""
        position = self._chance.choices(self._positions, cum_weights=self._weights)[0]
        if self._bad_share and self._chance.random() < self._bad_share and (bad := self._bad[position]) is not None:
            return bad
        return self._good[position]


class Drive:
    """One run of one worker.

    Args:
        plan: the run.
        headers: of every request.
        index: of the worker, from 0.
        count: of all workers.

    Attributes:
        tally: what has been counted.
        in_flight: requests without an answer.
        sends: whether more requests may come.
    """

    def __init__(self, plan: Plan, headers: Mapping[str, str], index: int, count: int) -> None:
        self.tally = Tally(plan.interval_seconds)
        self.in_flight = 0
        self.sends = True
        self._plan = plan
        self._index, self._count = index, count
        self._connections = Connections(plan.url)
        self._mix = Mix(plan, self._connections.host, headers, index)
        self._starts = starts(plan.steps)
        self._stopped = Event()
        self._begun = 0.0
        self._quota = 0 if plan.requests is None else share_of(plan.requests, index, count)

    def run(self) -> None:
        """Send, and return when nothing is out any more."""
        self._begun = time.monotonic()
        if self._plan.clients is None:
            self._open_loop()
        else:
            self._closed_loop(share_of(self._plan.clients, self._index, self._count))
        self.sends = False
        while self.in_flight:
            gevent.sleep(_DRAIN_SECONDS)
        self._connections.close()

    def stop(self) -> None:
        """Send nothing more; what is out is still waited for."""
        self._stopped.set()

    def at(self) -> float:
        """Return the seconds since the start; 0 before it."""
        return time.monotonic() - self._begun if self._begun else 0.0

    def step_at(self, at: float) -> int:
        """Return the step that a time belongs to; the last one for what comes after all."""
        return max(0, min(sum(1 for each in self._starts if each <= at), len(self._plan.steps)) - 1)

    def _open_loop(self) -> None:
        timer, ends = Timer(), self._begun + self._starts[-1]
        due = islice(due_times(self._plan.steps, self._plan.arrivals, self._plan.seed), self._index, None, self._count)
        position, step = 0.0, 0
        for number, (position, step) in enumerate(due):
            at = self._begun + position
            if at > time.monotonic():
                timer.sleep_until(at)
            elif not number % _AT_A_STRETCH:
                gevent.sleep(0)
            if self._stopped.is_set():
                break
            if time.monotonic() > ends:
                # This worker cannot send as many; who reads the figures sees how many were due and not sent.
                self._count_rest(position, step)
                break
            group = self._mix.next()
            self.tally.due(position, step, group.number)
            if self.in_flight < self._plan.max_in_flight:
                self.in_flight += 1
                gevent.spawn(self._one, position, step, group)
        timer.close()

    def _count_rest(self, position: float, step: int) -> None:
        """Count what was due from a time on and is not sent: its number, since its times no longer matter."""
        for number in range(step, len(self._plan.steps)):
            begun, rate = max(position, self._starts[number]), self._plan.steps[number].rate or 0.0
            left = round((self._starts[number + 1] - begun) * rate / self._count)
            self.tally.due(begun, number, self._mix.next().number, left)

    def _closed_loop(self, clients: int) -> None:
        gevent.joinall([gevent.spawn(self._client) for _ in range(clients)])

    def _client(self) -> None:
        while not self._stopped.is_set() and (at := self.at()) < self._starts[-1]:
            step = self.step_at(at)
            if not self._plan.steps[step].warm_up and self._plan.requests is not None:
                if not self._quota:
                    break
                self._quota -= 1
            group = self._mix.next()
            self.tally.due(at, step, group.number)
            self.in_flight += 1
            self._one(at, step, group)

    def _one(self, due: float, step: int, group: Group) -> None:
        """Send one request; it counts from when it was due, however late it goes out."""
        self.tally.sent(due, step, group.number, self.at() - due)
        try:
            status = self._connections.exchange(group.next(), self._plan.timeout_seconds)
        except Exception:  # noqa: BLE001 - a request must never get lost
            status = "generator failed"
        self.tally.over(due, step, group.number, self.at(), group.outcome(status))
        self.in_flight -= 1


def _named(status: str) -> str:
    return f"HTTP {status}" if status.isdecimal() else status
