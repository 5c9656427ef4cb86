"""Quotas of clients, whatever the transport that their requests come by."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

from pydantic import SecretStr

from deployments.errors import PayloadTooLarge, Unavailable
from deployments.ingress.quotas.admission import Admission, exceeded
from deployments.ingress.quotas.bounds import Bounds, BoundsTable
from deployments.ingress.quotas.counters import Counters, CountersDown
from deployments.ingress.quotas.memory_counters import MemoryCounters
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.settings import Limits
from deployments.telemetry.instruments import count_quota_storage_failure

Purpose = Literal["scoring", "admin"]


class Quotas:
    """Admits requests as far as their clients' quotas go.

    A transport asks with `admit` when it knows who sends a request for which model, tells by `Admission.count` what it
    reads of the body, and calls `Admission.finish` when the request has ended, however it did.

    Args:
        limits: returns the ingress's settings.
        redis_url: of Redis, where the settings that travel do not hold it.
        clock: seconds since 1970, for counts in memory.

    Attributes:
        refused: requests that were refused, by model and limit (requests, concurrent, bytes).
        unchecked: requests while Redis did not answer, by model and by what became of them (open, closed).
    """

    def __init__(
        self, limits: Limits, redis_url: SecretStr | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._limits = limits
        self._redis_url = redis_url
        self._memory = MemoryCounters(clock)
        self._redis: Counters | None = None
        self._settings: QuotaSettings | None = None
        self._table = BoundsTable(QuotaSettings())
        # Leases of replicas must not be alike.
        self._leases = map((secrets.token_hex(8) + "-{}").format, itertools.count())
        self.refused: Counter[tuple[str, str]] = Counter()
        self.unchecked: Counter[tuple[str, str]] = Counter()

    @property
    def are_set(self) -> bool:
        """Whether any client has limits."""
        self._follow(self._limits().quotas)
        return not self._table.are_all_empty

    @property
    def store_is_down(self) -> bool:
        """Whether Redis is wanted and does not answer."""
        return self._limits().quotas.storage == "redis" and bool(getattr(self._redis, "is_down", False))

    async def admit(
        self, client: str, model: str, *, size: int | None = None, purpose: Purpose = "scoring"
    ) -> Admission | None:
        """Admit one request.

        Args:
            client: who sends it.
            model: what it is for; one that exists, since each has counts of its own.
            size: bytes of its body, as far as that is known before it is read.
            purpose: decides what becomes of it while Redis does not answer.

        Returns:
            What must be finished when the request has ended; None where the client has no limits.

        Raises:
            QuotaExceeded: the client has used up what it may.
            PayloadTooLarge: the body is larger than what the client may send in a whole day.
            Unavailable: nothing can be counted, and the settings say that this closes.
        """
        if not self.are_set or (bounds := self._table.of(client, model)) is None:
            return None
        if not bounds.are_counted:
            return Admission(bounds)
        if bounds.daily_bytes is not None and (size or 0) > bounds.daily_bytes:
            raise PayloadTooLarge(f"The body is larger than the client's {bounds.daily_bytes} bytes for a day.")
        return await self._counted(f"{client}|{model}", bounds, model, size or 0, purpose)

    async def _counted(self, key: str, bounds: Bounds, model: str, size: int, purpose: Purpose) -> Admission:
        counters, lease = self._counters(), next(self._leases)
        try:
            usage = await counters.take(key, bounds, lease, size)
        except CountersDown:
            self._check_open(model, purpose)
            return Admission(bounds)
        except asyncio.CancelledError:
            # The client hung up; its request may be counted already, or be on its way to Redis with others.
            counters.give_back(key, lease, 0, 0)
            raise
        if usage.refused_by is not None:
            self.refused[model, usage.refused_by] += 1
            raise exceeded(bounds, usage)
        return Admission(
            bounds,
            usage,
            size,
            give_back=lambda delta: counters.give_back(
                key, None if bounds.concurrent is None else lease, delta, usage.day
            ),
            refuse=lambda: self.refused.update([(model, "bytes")]),
        )

    def _follow(self, settings: QuotaSettings) -> None:
        if settings is not self._settings:
            self._table = BoundsTable(settings)
            self._settings = settings

    def _check_open(self, model: str, purpose: Purpose) -> None:
        decision = getattr(self._limits().quotas.on_failure, purpose)
        self.unchecked[model, decision] += 1
        count_quota_storage_failure(decision)
        if decision == "closed":
            raise Unavailable("Quotas cannot be counted at the moment; try again shortly.")

    def _counters(self) -> Counters:
        settings = self._limits().quotas
        if settings.storage == "memory":
            return self._memory
        if self._redis is None:
            # Only services that use it need the package.
            from deployments.ingress.quotas.redis_counters import RedisCounters

            url = self._redis_url or settings.redis_url
            assert url is not None  # noqa: S101 - the settings are checked together
            self._redis = RedisCounters(url.get_secret_value(), lambda: self._limits().quotas, self._lease_seconds)
        return self._redis

    def _lease_seconds(self) -> float:
        # POST /score reads the body under one deadline, and answers under another.
        return 2 * self._limits().request_timeout_seconds + 5
