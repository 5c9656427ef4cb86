"""How far a figure moves over a run, whatever single outliers do."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import combinations

# Pairs of them all are looked at: half a million.
MOST_POINTS = 1000


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """Return the median slope of all pairs of points: Theil's and Sen's estimator (Sen 1968, JASA 63, 1379-1389).

    Up to 29 % of the points may be anything without moving it.

    Args:
        at: times; at least two different ones.
        values: one for each time.

    Returns:
        Units of the values per unit of time; 0 where there are not two different times.
    """
    step = -(-len(at) // MOST_POINTS) or 1
    points = list(zip(at, values, strict=True))[::step]
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in combinations(points, 2) if x1 != x0]
    return statistics.median(slopes) if slopes else 0.0


def growth(at: Sequence[float], values: Sequence[float]) -> float:
    """Return how much a figure grows from the first time to the last by its slope, as a share of its median."""
    if len(values) < 2:  # noqa: PLR2004 - no period
        return 0.0
    middle = statistics.median(values)
    return slope(at, values) * (at[-1] - at[0]) / middle if middle else 0.0
