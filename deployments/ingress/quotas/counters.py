"""What counts requests and bytes: the terms that all storages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from deployments.ingress.quotas.bounds import Bounds

SECONDS_PER_DAY = 86_400

# Requests that wait for a free place do not know when one will be; they are told to try after this.
CONCURRENT_WAIT_SECONDS = 1.0

# What a request can be refused by, in the order in which it is looked at.
LimitName = Literal["requests", "concurrent", "bytes"]

# Numbers that are added and taken away thousands of times end next to the whole number that they should be.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Usage:
    """What a client has used of a model, the request that asks for it included if it is let through.

    Attributes:
        refused_by: the limit that the request would break; None where it is let through.
        wait_seconds: when that limit has room again.
        level: requests that count against the burst; they drain at the rate.
        running: requests in flight.
        bytes_used: bytes of today's bodies.
        day: today: days since 1970, UTC.
        seconds_left: until tomorrow.
    """

    refused_by: LimitName | None
    wait_seconds: float
    level: float
    running: int
    bytes_used: int
    day: int
    seconds_left: float


class Counters(Protocol):
    """Counts what clients use, by key.

    Requests per second are a leaky bucket: each request raises a level by one, which sinks at the rate and may not
    pass the burst. So in any t seconds at most burst + rate x t requests are let through.
    """

    async def take(self, key: str, bounds: Bounds, lease: str, size: int) -> Usage:
        """Count one request if no limit is against it, with the bytes that its body is known to have.

        Raises:
            CountersDown: nothing can be counted at the moment.
        """
        ...

    def give_back(self, key: str, lease: str | None, size: int, day: int) -> None:
        """Tell that a request has ended.

        Args:
            key: of the count.
            lease: the request's; None where requests in flight were not limited.
            size: bytes that were read beyond those that were counted on `day`; below 0 where fewer were.
            day: when they were counted.
        """
        ...


class CountersDown(Exception):
    """The storage does not answer, or not in time."""
