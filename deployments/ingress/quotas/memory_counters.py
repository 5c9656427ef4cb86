"""Counts in the memory of one replica."""

from __future__ import annotations

import time
from collections.abc import Callable

from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import (
    CONCURRENT_WAIT_SECONDS,
    SECONDS_PER_DAY,
    TOLERANCE,
    LimitName,
    Usage,
)

# Accounts below this number are not looked through for those that have run out.
LEAST_ACCOUNTS = 1024


class MemoryCounters:
    """Counts what clients use of this replica; accounts that hold nothing any more are forgotten.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._look_through_at = LEAST_ACCOUNTS

    def __len__(self) -> int:
        """Accounts in memory."""
        return len(self._accounts)

    async def take(self, key: str, bounds: Bounds, lease: str, size: int) -> Usage:  # noqa: ARG002 - for those that may lose a replica
        """Count one request; see `Counters`."""
        now = self._clock()
        account = self._accounts.get(key) or self._open(key, now)
        return account.take(bounds, size, now)

    def give_back(self, key: str, lease: str | None, size: int, day: int) -> None:
        """Tell that a request has ended; see `Counters`."""
        if account := self._accounts.get(key):
            account.give_back(lease is not None, size, day, self._clock())

    def _open(self, key: str, now: float) -> _Account:
        if len(self._accounts) >= self._look_through_at:
            self._accounts = {name: each for name, each in self._accounts.items() if each.holds_something(now)}
            # So that looking through costs each new account the same, however many there are.
            self._look_through_at = max(LEAST_ACCOUNTS, 2 * len(self._accounts))
        return self._accounts.setdefault(key, _Account(now))


class _Account:
    """What one client has used of one model."""

    __slots__ = ("_at", "_bytes", "_day", "_level", "_rate", "_running")

    def __init__(self, now: float) -> None:
        self._level = 0.0
        self._at = now
        self._rate = 0.0
        self._running = 0
        self._day = 0
        self._bytes = 0

    def take(self, bounds: Bounds, size: int, now: float) -> Usage:
        day = self._begin(bounds.rate or 0.0, now)
        left = (day + 1) * SECONDS_PER_DAY - now
        refused_by, wait = self._refusal(bounds, size, left)
        if refused_by is None:
            self._level += 1.0 if bounds.rate is not None else 0.0
            self._running += bounds.concurrent is not None
            self._bytes += size
        return Usage(refused_by, wait, self._level, self._running, self._bytes, day, left)

    def give_back(self, was_running: bool, size: int, day: int, now: float) -> None:  # noqa: FBT001
        self._running -= was_running
        today = int(now // SECONDS_PER_DAY)
        if size > 0 and self._day != today:
            self._day, self._bytes = today, 0
        if size > 0 or day == self._day:
            self._bytes = max(0, self._bytes + size)

    def holds_something(self, now: float) -> bool:
        fills = self._rate > 0 and self._level > (now - self._at) * self._rate
        return bool(self._running or fills or (self._bytes and self._day == now // SECONDS_PER_DAY))

    def _begin(self, rate: float, now: float) -> int:
        self._level = max(0.0, self._level - max(0.0, now - self._at) * rate)
        self._at = now
        self._rate = rate
        day = int(now // SECONDS_PER_DAY)
        if day != self._day:
            self._day, self._bytes = day, 0
        return day

    def _refusal(self, bounds: Bounds, size: int, left: float) -> tuple[LimitName | None, float]:
        if bounds.rate is not None and (over := self._level + 1 - bounds.burst) > TOLERANCE:
            return "requests", over / bounds.rate
        if bounds.concurrent is not None and self._running >= bounds.concurrent:
            return "concurrent", CONCURRENT_WAIT_SECONDS
        if bounds.daily_bytes is not None and self._bytes + max(1, size) > bounds.daily_bytes:
            return "bytes", left
        return None, 0.0
