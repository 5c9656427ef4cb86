"""Cores, and processes that want them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import simpy

Then = Callable[[], None]

# After so long another process that waits for a core gets it, about as Linux does it.
SLICE_SECONDS = 0.004

_NOTHING = 1e-12


class Machine:
    """Cores that processes share in turns.

    Args:
        env: simulated time.
        cores: how many; without a number, each process has its own.
    """

    def __init__(self, env: simpy.Environment, cores: int | None = None) -> None:
        self._env = env
        self._free = math.inf if cores is None else float(cores)
        self._slice_seconds = math.inf if cores is None else SLICE_SECONDS
        self._ready: deque[_Job] = deque()
        self.busy_seconds = 0.0

    def run(self, job: _Job) -> None:
        """Let a job run, now or when a core is free."""
        if self._free > 0:
            self._free -= 1
            self._slice(job)
        else:
            self._ready.append(job)

    def _slice(self, job: _Job) -> None:
        seconds = min(job.left, self._slice_seconds)
        after(self._env, seconds, lambda: self._sliced(job, seconds))

    def _sliced(self, job: _Job, seconds: float) -> None:
        job.left -= seconds
        job.worker.busy_seconds += seconds
        self.busy_seconds += seconds
        done = job.left <= _NOTHING
        if not done:
            self._ready.append(job)
        if self._ready:
            self._slice(self._ready.popleft())
        else:
            self._free += 1
        if done:
            job.worker.ended(job)


class Worker:
    """One process: its jobs run in order, one on each of its threads.

    Args:
        machine: whose cores it uses.
        threads: jobs at a time.
    """

    def __init__(self, machine: Machine, threads: int = 1) -> None:
        self._machine = machine
        self._idle = threads
        self._waiting: deque[_Job] = deque()
        self.busy_seconds = 0.0

    def do(self, seconds: float, then: Then) -> None:
        """Work for so long, then go on."""
        job = _Job(self, seconds, then)
        if self._idle:
            self._idle -= 1
            self._machine.run(job)
        else:
            self._waiting.append(job)

    def ended(self, job: _Job) -> None:
        """Go on with the next job."""
        if self._waiting:
            self._machine.run(self._waiting.popleft())
        else:
            self._idle += 1
        job.then()


class _Job:
    __slots__ = ("left", "then", "worker")

    def __init__(self, worker: Worker, seconds: float, then: Then) -> None:
        self.worker = worker
        self.left = seconds
        self.then = then


def after(env: simpy.Environment, seconds: float, then: Then) -> None:
    """Go on when so much simulated time has passed."""
    event = env.timeout(seconds)
    event.callbacks.append(lambda _event: then())
