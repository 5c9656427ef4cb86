"""Requests in flight at a replica, as autoscaling should see them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Name of the value that replicas report and the autoscaling policy reads.
REQUESTS_IN_FLIGHT = "requests_in_flight"


class StageLoad:
    """Averages the requests in flight for one replica, waiting ones included.

    Ray counts calls, and one coalesced call carries many requests, some of which waited in the caller. By Little's
    law (L = lambda W) the mean number in flight over a window is the request-seconds spent in it divided by its
    length, so each call brings the seconds that its requests have waited, and the replica adds the seconds that
    it works on them. The sum over replicas counts every request once, however many callers there are.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._in_replica = 0
        self._request_seconds = 0.0
        self._updated = self._window_start = clock()

    def begin(self) -> None:
        """Count one request, which arrives now; `end` must follow."""
        self._change(1)

    def end(self) -> None:
        """End what `begin` began."""
        self._change(-1)

    @contextmanager
    def count(self, waited_seconds: list[float]) -> Iterator[None]:
        """Count the requests of one call while it runs; `waited_seconds` has one entry for each."""
        self._change(len(waited_seconds))
        self._request_seconds += sum(waited_seconds)
        try:
            yield
        finally:
            self._change(-len(waited_seconds))

    @property
    def in_replica(self) -> int:
        """Requests that the replica works on now."""
        return self._in_replica

    def average(self) -> float:
        """Return the mean requests in flight since the last call of this method, and start a new window."""
        self._change(0)
        window = self._updated - self._window_start
        mean = self._request_seconds / window if window > 0 else float(self._in_replica)
        self._request_seconds = 0.0
        self._window_start = self._updated
        return mean

    def _change(self, requests: int) -> None:
        now = self._clock()
        self._request_seconds += self._in_replica * (now - self._updated)
        self._updated = now
        self._in_replica += requests
