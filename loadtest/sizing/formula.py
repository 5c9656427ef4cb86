"""How many replicas a rate needs: by the references' formula, and by what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

# What the division of two decimal fractions may be off by.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Headroom:
    """What is kept beyond the rate.

    Attributes:
        growth_per_minute: share of the rate by which load may grow in a minute.
        scale_up_seconds: until a replica that is added answers; until then the others carry the growth.
    """

    growth_per_minute: float = 0.0
    scale_up_seconds: float = 60.0

    @property
    def factor(self) -> float:
        """By which the rate is multiplied."""
        return 1 + self.growth_per_minute * self.scale_up_seconds / 60


def ceiling(value: float) -> int:
    """Round up, but not for what floating point adds to a whole number."""
    return math.ceil(value - _TOLERANCE * max(1.0, abs(value)))


def by_formula(rate: float, seconds: float, *, utilization: float, per_replica: int = 1) -> int:
    """Return replicas = ceil(requests/s x seconds per request / utilization / requests per replica), at least 1.

    The formula of Azure Machine Learning v1 and of the Azure reference architecture for real-time scoring.

    Args:
        rate: requests per second.
        seconds: that a replica takes for a request.
        utilization: wanted share of busy request slots, above 0 to 1.
        per_replica: requests that a replica works on at once.
    """
    return max(1, ceiling(rate * seconds / utilization / per_replica))


def rate_of_formula(seconds: float, *, utilization: float, per_replica: int = 1) -> float:
    """Return the requests per second that the formula trusts one replica with."""
    return utilization * per_replica / seconds


def by_curve(rate: float, capacity: float) -> int:
    """Return the replicas that the rate needs where each answers `capacity` requests per second in time."""
    return max(1, ceiling(rate / capacity))
