"""Times in buckets whose width grows with the time: as exact for microseconds as for minutes, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# Of a percentile, to the exact one: DDSketch's buckets (Masson, Rim, Lee 2019, https://arxiv.org/abs/1908.10693).
RELATIVE_ERROR = 0.005

# Times below the smallest count as that, times above the largest too: 2,212 buckets at most.
SMALLEST_SECONDS = 1e-6
LARGEST_SECONDS = 3600.0

_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SCALE = 1 / math.log(_GROWTH)
_FIRST = math.ceil(math.log(SMALLEST_SECONDS) * _SCALE)
_LAST = math.ceil(math.log(LARGEST_SECONDS) * _SCALE)


class Histogram:
    """How many times lie in each bucket.

    Attributes:
        buckets: number of times by bucket; bucket n holds those above g^(n-1) and up to g^n seconds.
        count: of all times.
        total: their sum in seconds.
        low: the smallest, exactly; infinite where there is none.
        high: the largest, exactly; 0 where there is none.
    """

    __slots__ = ("buckets", "count", "high", "low", "total")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.low = math.inf
        self.high = 0.0

    def add(self, seconds: float) -> None:
        """Count one time."""
        bucket = bucket_of(seconds)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.count += 1
        self.total += seconds
        self.low = min(self.low, seconds)
        self.high = max(self.high, seconds)

    def merge(self, other: Histogram) -> None:
        """Count what another one has counted."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)

    @property
    def mean(self) -> float:
        """The mean time in seconds; 0 where there is none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """Return the time that this share of all did not exceed (nearest rank).

        It is within `RELATIVE_ERROR` of the exact one.

        Args:
            share: above 0 up to 1.

        Returns:
            Seconds; 0 where there is no time.
        """
        if not self.count:
            return 0.0
        rank, passed = max(1, math.ceil(share * self.count)), 0
        if rank == self.count:
            return self.high
        for bucket in sorted(self.buckets):
            passed += self.buckets[bucket]
            if passed >= rank:
                break
        return min(max(_middle(bucket), self.low), self.high)

    def share_above(self, seconds: float) -> float:
        """Return what share of the times lies in buckets above that of a time; 0 where there is none."""
        limit = bucket_of(seconds)
        above = sum(count for bucket, count in self.buckets.items() if bucket > limit)
        return above / self.count if self.count else 0.0

    def packed(self) -> dict[str, Any]:
        """Return what `unpacked` reads: plain values, for messages and files."""
        buckets = {str(bucket): self.buckets[bucket] for bucket in sorted(self.buckets)}
        return {"buckets": buckets, "total": self.total, "low": self.low if self.count else None, "high": self.high}


def unpacked(packed: Mapping[str, Any]) -> Histogram:
    """Return the histogram that was packed."""
    histogram = Histogram()
    histogram.buckets = {int(bucket): int(count) for bucket, count in packed["buckets"].items()}
    histogram.count = sum(histogram.buckets.values())
    histogram.total = float(packed["total"])
    histogram.low = math.inf if packed["low"] is None else float(packed["low"])
    histogram.high = float(packed["high"])
    return histogram


def bucket_of(seconds: float) -> int:
    """Return the bucket that a time belongs to."""
    if seconds <= SMALLEST_SECONDS:
        return _FIRST
    return min(math.ceil(math.log(seconds) * _SCALE), _LAST)


def _middle(bucket: int) -> float:
    """The time whose relative distance to both ends of a bucket is the same."""
    return 2 * math.exp(bucket / _SCALE) / (_GROWTH + 1)
