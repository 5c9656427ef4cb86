"""What a call does, as steps for whoever does input and output: a thread (`sync_client`) or an event loop.

A generator yields a step, gets the step's outcome or error, and returns the call's result. So what is sent, when it is
sent again and how answers are read is written once, and tested without any input and output.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import httpx

from serve_app.client.payloads import Payload

ResultT = TypeVar("ResultT")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a call ends, all its attempts and pauses together; on a clock that never goes back."""

    at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        """Return the deadline so many seconds from now."""
        return cls(clock() + seconds, clock)

    @property
    def remaining(self) -> float:
        """Seconds that are left; negative when it has passed."""
        return self.at - self.clock()


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that was read to its end."""

    status: int
    headers: httpx.Headers
    content: bytes = field(repr=False)


class Lock(Protocol):
    """A lock of threads or of tasks."""

    def release(self) -> None:
        """Let the next one in."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, and read its response to the end before the deadline; the outcome is a `Reply`."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    payload: Payload = field(repr=False)
    deadline: Deadline
    connect_seconds: float

    @property
    def timeout(self) -> httpx.Timeout:
        """The limits for each part of the exchange."""
        left = max(self.deadline.remaining, 0.001)
        return httpx.Timeout(left, connect=min(left, self.connect_seconds))


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Call a function that may take a while; the outcome is what it returns, awaited if need be."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Acquire:
    """Wait for a lock; whoever yields this releases it."""

    lock: Lock
    deadline: Deadline


Step = Send | Sleep | Run | Acquire
Steps = Generator[Step, Any, ResultT]


def just(value: ResultT) -> Steps[ResultT]:
    """Return steps that are none, and a result."""
    yield from ()
    return value
