"""Histograms in the form in which Prometheus stores them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from deployments.telemetry.metrics import Labels


@dataclass(slots=True)
class Buckets:
    """What a histogram has counted under one set of labels, since the start.

    Attributes:
        counts: values in each bucket; the last is of those above all boundaries.
        total: of all values.
        changed: whether values came since somebody set it to False.
    """

    counts: list[int]
    total: float = 0.0
    changed: bool = True

    def series(self, boundaries: tuple[float, ...]) -> list[tuple[str, int]]:
        """Return each bucket's label `le`, and how many values are at most so large."""
        return list(zip([*map(repr, boundaries), "+Inf"], accumulate(self.counts), strict=True))


def count_values(
    values: Iterable[tuple[Labels, float]], boundaries: tuple[float, ...], by_labels: dict[Labels, Buckets]
) -> None:
    """Add values to the buckets of their labels; one on a boundary is in the bucket that ends there."""
    for labels, value in values:
        buckets = by_labels.get(labels)
        if buckets is None:
            buckets = by_labels[labels] = Buckets([0] * (len(boundaries) + 1))
        buckets.counts[bisect_left(boundaries, value)] += 1
        buckets.total += value
        buckets.changed = True
