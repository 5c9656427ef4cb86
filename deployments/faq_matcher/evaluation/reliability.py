"""Whether probabilities are what they say: of the answers given with 0.8, four in five should be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# As many as Guo et al. use, so that figures compare with published ones.
BINS = 15


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Questions whose best probability lies in (low, high]; the first bin holds 0 too.

    Attributes:
        low: lower bound.
        high: upper bound.
        count: questions in it.
        confidence: their mean probability; None where the bin is empty.
        accuracy: share of them whose best original is right; None where the bin is empty.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def calibration_bins(
    confidences: NDArray[np.float32], right: NDArray[np.bool_], bins: int = BINS
) -> tuple[CalibrationBin, ...]:
    """Sorts questions into bins of equal width by their best probability.

    Args:
        confidences: (questions,) probabilities of the best original.
        right: (questions,) whether that is the right one.
        bins: how many.
    """
    place = np.clip(np.ceil(confidences.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    confidence = np.bincount(place, weights=confidences, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    return tuple(
        CalibrationBin(
            low=bin_ / bins,
            high=(bin_ + 1) / bins,
            count=int(count),
            confidence=float(confidence[bin_] / count) if count else None,
            accuracy=float(hits[bin_] / count) if count else None,
        )
        for bin_, count in enumerate(counts)
    )


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """ECE: mean distance of confidence and accuracy over bins of equal width, weighted by their questions.

    Equation 3 of Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017. From 0 to 1.

    Args:
        bins: at least one of them holds a question.
    """
    total = sum(each.count for each in bins)
    return sum(
        each.count / total * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    )
