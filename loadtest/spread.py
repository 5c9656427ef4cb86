"""Medians of rounds, and how far the rounds lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds of one measurement gave, in the unit of the measurement.

    Attributes:
        median: the middle round, or the mean of the two in the middle.
        low: the smallest.
        high: the largest.
    """

    median: float
    low: float
    high: float

    @property
    def relative(self) -> float:
        """(high - low) / median; 0 where the median is 0."""
        return (self.high - self.low) / self.median if self.median else 0.0

    def text(self, digits: int = 1) -> str:
        """Return the median; after it, where rounds differ, the lowest and the highest."""
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}-{self.high:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Summarize rounds.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("There is nothing to summarize.")
    return Spread(statistics.median(values), min(values), max(values))
