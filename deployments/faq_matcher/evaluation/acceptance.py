"""The threshold: what is matched, what is rejected, and what any other threshold would do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.evaluation.judging import Judgements

# Points of a curve that are kept: more than a plot shows.
_POINTS = 400


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Precision and recall at one threshold."""

    threshold: float
    precision: float
    recall: float


def share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float | None:
    """The share of a whole that also is part; None where the whole is empty."""
    count = np.count_nonzero(whole)
    return float(np.count_nonzero(part & whole) / count) if count else None


def matched_curve(judgements: Judgements) -> tuple[CurvePoint, ...]:
    """Precision and recall of the answers at every threshold that changes them, from the highest to the lowest.

    Precision is the share right of all that is matched, strangers included; recall is the share of the questions with
    an original that are matched with it.
    """
    # The answers given at a threshold are the first so many of the surest.
    surest_first = np.argsort(-judgements.confidences, kind="stable")
    confidences = judgements.confidences[surest_first]
    hits = np.cumsum(judgements.right[surest_first])
    ends = np.append(np.flatnonzero(np.diff(confidences)), len(confidences) - 1)
    return _curve(confidences[ends], hits[ends], ends + 1, int(np.count_nonzero(judgements.known)))


def no_match_curve(judgements: Judgements) -> tuple[CurvePoint, ...]:
    """Precision and recall of `no match` at every threshold that changes them, from the lowest to the highest.

    Rejected is what has a lower probability than the threshold; strangers should be, questions with an original should
    not. Empty where there are no strangers.
    """
    strangers = int(np.count_nonzero(~judgements.known))
    if not strangers:
        return ()
    unsurest_first = np.argsort(judgements.confidences, kind="stable")
    confidences = judgements.confidences[unsurest_first]
    hits = np.cumsum(~judgements.known[unsurest_first])
    # At the next higher probability all before it are rejected; above the highest all are.
    ends = np.append(np.flatnonzero(np.diff(confidences)), len(confidences) - 1)
    thresholds = np.append(confidences[ends[:-1] + 1], np.nextafter(confidences[-1], np.float32(2)))
    return _curve(thresholds, hits[ends], ends + 1, strangers)


def _curve(
    thresholds: NDArray[np.float32], hits: NDArray[np.int64], counts: NDArray[np.int64], positives: int
) -> tuple[CurvePoint, ...]:
    kept = np.unique(np.linspace(0, len(counts) - 1, min(_POINTS, len(counts))).round().astype(np.int64))
    return tuple(
        CurvePoint(float(thresholds[place]), float(hits[place] / counts[place]), float(hits[place] / positives))
        for place in kept
    )
