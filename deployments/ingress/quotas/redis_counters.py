"""Counts in Redis, which all replicas share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from deployments.coalescing import Coalescer
from deployments.errors import ScoringError
from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import CountersDown, Usage
from deployments.ingress.quotas.redis_script import SCRIPT, Argument, giving_back, taking, usage_of
from deployments.ingress.quotas.settings import QuotaSettings

logger = logging.getLogger("ray.serve")

# A call to Redis costs the ingress more than what it carries, so requests that wait for one leave together.
MAX_ITEMS = 128
MAX_CALLS = 2
MAX_WAITING = 16_384

_FAILURES = (RedisError, OSError, TimeoutError, ScoringError)


@dataclass(frozen=True, slots=True)
class _Operation:
    keys: tuple[str, str]
    arguments: tuple[Argument, ...]


class RedisCounters:
    """Counts what clients use of all replicas that share a Redis.

    While Redis does not answer, one request asks it again every `redis_retry_seconds`; the others are told at once.

    Args:
        url: of Redis.
        settings: prefix, timeout and retries, which may change.
        lease_seconds: after how long a request that a dead replica left behind no longer counts as in flight.
        clock: any that never goes back, in seconds.
    """

    def __init__(
        self,
        url: str,
        settings: Callable[[], QuotaSettings],
        lease_seconds: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._lease_seconds = lease_seconds
        self._clock = clock
        # Retried once: a connection that was idle may have been closed by the other side.
        self._redis = redis.asyncio.Redis.from_url(url, retry=Retry(NoBackoff(), 1))
        self._script = self._redis.register_script(SCRIPT)
        self._calls: Coalescer[_Operation, list[Any]] = Coalescer(
            self._send, max_items=MAX_ITEMS, max_waiting=MAX_WAITING, max_calls=lambda: MAX_CALLS
        )
        self._ending: set[asyncio.Task[None]] = set()
        self._try_again_at = 0.0
        self.is_down = False

    async def take(self, key: str, bounds: Bounds, lease: str, size: int) -> Usage:
        """Count one request; see `Counters`."""
        if self.is_down:
            self._wait_for_turn()
        try:
            answer = await self._ask(key, taking(bounds, lease, self._lease_seconds(), size))
        except _FAILURES as error:
            self._failed(error)
            raise CountersDown from None
        self._answered()
        return usage_of(answer)

    def give_back(self, key: str, lease: str | None, size: int, day: int) -> None:
        """Tell that a request has ended; see `Counters`. Nobody waits for that."""
        if not self.is_down:
            task = asyncio.get_running_loop().create_task(self._give_back(key, giving_back(lease, size, day)))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def aclose(self) -> None:
        """Let what has ended be counted, and close the connections."""
        await asyncio.gather(*self._ending)
        await self._redis.aclose()

    async def _give_back(self, key: str, arguments: tuple[Argument, ...]) -> None:
        try:
            await self._ask(key, arguments)
        except _FAILURES as error:
            self._failed(error)

    async def _ask(self, key: str, arguments: tuple[Argument, ...]) -> list[Any]:
        settings = self._settings()
        name = f"{settings.redis_prefix}:quotas:{key}"
        operation = _Operation((name, f"{name}:running"), arguments)
        async with asyncio.timeout(settings.redis_timeout_seconds):
            return (await self._calls.submit(operation)).result

    async def _send(self, operations: list[_Operation], *_seconds: list[float]) -> Sequence[list[Any] | Exception]:
        keys = [key for each in operations for key in each.keys]
        arguments = [argument for each in operations for argument in each.arguments]
        return await cast("Awaitable[list[list[Any]]]", self._script(keys, arguments))

    def _wait_for_turn(self) -> None:
        now = self._clock()
        if now < self._try_again_at:
            raise CountersDown
        # Whoever comes while this one asks is told at once.
        self._try_again_at = now + self._settings().redis_retry_seconds

    def _failed(self, error: Exception) -> None:
        self._try_again_at = self._clock() + self._settings().redis_retry_seconds
        if not self.is_down:
            self.is_down = True
            # The message of an error may hold what the URL holds; its kind does not.
            logger.error("Redis does not count quotas (%s); on_failure says what becomes of requests.", _kind(error))

    def _answered(self) -> None:
        if self.is_down:
            self.is_down = False
            logger.warning("Redis counts quotas again.")


def _kind(error: Exception) -> str:
    return type(error).__name__
