"""The highest rate that is still good: up by doubling, then halving the gap, then once more to be sure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel

# Of the rate: a finer answer than the rounds differ says nothing.
PRECISION = 0.05
CONFIRMATIONS = 2
MOST_POINTS = 40
LOWEST_RATE = 0.1


class Point(BaseModel):
    """What one rate gave.

    Attributes:
        rate: wanted requests per second.
        sent: requests per second that went out.
        p50_ms: from when requests were due; so with the others.
        p99_ms: as above.
        errors: requests that failed.
        valid: whether the generator could drive it.
        cpu_cores: that the server's processes took; None where they were not looked at.
        good: whether it is valid, p99 below what is wanted, and errors are few enough.
    """

    rate: float
    sent: float
    p50_ms: float
    p99_ms: float
    errors: int
    valid: bool
    cpu_cores: float | None = None
    good: bool


@dataclass
class Found:
    """The end of a search.

    Attributes:
        points: all that was measured, in this order.
        capacity: requests per second; 0 where no rate was good.
        is_confirmed: whether the capacity was good again when it was measured again.
        is_limit_of_generator: whether higher rates failed only because the generator could not send them.
    """

    points: list[Point] = field(default_factory=list)
    capacity: float = 0.0
    is_confirmed: bool = False
    is_limit_of_generator: bool = False


def search(measure: Callable[[float], Point], first: float, target_ms: float, most: float = math.inf) -> Found:
    """Find the highest good rate.

    A rate counts as bad when it was so twice; the rate that is told in the end was good again, and again.

    Args:
        measure: what a rate gives.
        first: rate to begin with; where it is too high, halves of it follow.
        target_ms: below which p99 should be; tells why invalid points failed.
        most: rate beyond which nobody is interested.
    """
    found = Found()

    def is_good(rate: float) -> bool:
        for _ in range(2):
            point = measure(rate)
            found.points.append(point)
            if point.good or not point.sent:
                return point.good
        return False

    low, high = _bracket(is_good, first, most, found)
    if low is None or high is None:
        return found
    while high / low > 1 + PRECISION and len(found.points) < MOST_POINTS:
        middle = math.sqrt(low * high)
        if is_good(middle):
            low = middle
        else:
            high = middle
    _confirm(measure, low, found)
    above = [point for point in found.points if point.rate > found.capacity and not point.good]
    found.is_limit_of_generator = bool(above) and all(not p.valid and p.p99_ms < target_ms for p in above)
    return found


def _bracket(
    is_good: Callable[[float], bool], first: float, most: float, found: Found
) -> tuple[float | None, float | None]:
    """A good rate and the next bad one, at most twice as high."""
    rate = first
    if is_good(rate):
        while rate < most and len(found.points) < MOST_POINTS:
            higher = min(2 * rate, most)
            if not is_good(higher):
                return rate, higher
            rate = higher
        return rate, rate
    while rate > LOWEST_RATE and len(found.points) < MOST_POINTS:
        if is_good(rate / 2):
            return rate / 2, rate
        rate /= 2
    return None, None


def _confirm(measure: Callable[[float], Point], rate: float, found: Found) -> None:
    good = 0
    while good < CONFIRMATIONS and len(found.points) < MOST_POINTS:
        point = measure(rate)
        found.points.append(point)
        if point.good:
            good += 1
        else:
            good, rate = 0, rate * (1 - PRECISION)
    found.capacity, found.is_confirmed = rate, good == CONFIRMATIONS
    if not found.is_confirmed:
        found.capacity = max((each.rate for each in found.points if each.good), default=0.0)
