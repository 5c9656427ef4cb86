"""Judgements to numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.evaluation.acceptance import share
from deployments.faq_matcher.evaluation.judging import Judgements
from deployments.faq_matcher.evaluation.ranks import accuracy_at, mean_reciprocal_rank
from deployments.faq_matcher.evaluation.reliability import calibration_bins, expected_calibration_error

ACCURACY_AT = (1, 2, 3, 10)

# 97.5 % of a normal distribution lie below, so that 95 % lie within it on both sides.
_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Metrics:
    """How good a matcher is; a share is a number from 0 to 1, and None where it would divide by nothing.

    Attributes:
        questions: test questions that have an original; ranks and Acc@k are theirs alone.
        strangers: questions that mean no original.
        accuracy_at: share of the questions whose original is among the best k, by k.
        accuracy_interval: 95 % confidence interval of Acc@1 (Wilson).
        mean_rank: mean rank of the right original; 1 is best.
        mean_reciprocal_rank: mean of 1 / rank; 1 is best.
        expected_calibration_error: over all questions, strangers included; 0 is best.
        expected_calibration_error_of_questions: the same over the questions that have an original.
        coverage: share of the questions that are matched with any original.
        matched_precision: share right among all that is matched, strangers included.
        matched_recall: share of the questions that are matched with the right original.
        no_match_precision: share of strangers among all that is matched with nothing.
        no_match_recall: share of the strangers that are matched with nothing.
    """

    questions: int
    strangers: int
    accuracy_at: dict[int, float]
    accuracy_interval: tuple[float, float]
    mean_rank: float
    mean_reciprocal_rank: float
    expected_calibration_error: float
    expected_calibration_error_of_questions: float
    coverage: float
    matched_precision: float | None
    matched_recall: float
    no_match_precision: float | None
    no_match_recall: float | None


def measure(judgements: Judgements) -> Metrics:
    """Computes every metric."""
    known, right, matched = judgements.known, judgements.right, judgements.matched
    ranks = judgements.ranks[known]
    strangers = int(np.count_nonzero(~known))
    # Without strangers, whatever is rejected is rejected wrongly, which tells nothing of the matcher.
    rejected = ~matched if strangers else np.zeros_like(matched)
    return Metrics(
        questions=len(ranks),
        strangers=strangers,
        accuracy_at={k: accuracy_at(ranks, k) for k in ACCURACY_AT},
        accuracy_interval=wilson_interval(int(np.count_nonzero(ranks == 1)), len(ranks)),
        mean_rank=float(ranks.mean()),
        mean_reciprocal_rank=mean_reciprocal_rank(ranks),
        expected_calibration_error=_calibration_error(judgements, np.ones_like(known)),
        expected_calibration_error_of_questions=_calibration_error(judgements, known),
        coverage=float(matched[known].mean()),
        matched_precision=share(right, matched),
        matched_recall=float((right & matched)[known].mean()),
        no_match_precision=share(~known, rejected),
        no_match_recall=share(~matched, ~known),
    )


def wilson_interval(successes: int, trials: int, z: float = _Z_95) -> tuple[float, float]:
    """Confidence interval of a share (Wilson, Probable inference, JASA 22, 1927).

    Unlike the normal approximation it stays within 0 and 1 and has a width where all or none succeed.

    Args:
        successes: how many of the trials succeeded.
        trials: at least 1.
        z: quantile of the standard normal distribution; the default gives 95 %.
    """
    observed = successes / trials
    scale = 1 + z * z / trials
    center = (observed + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(observed * (1 - observed) / trials + z * z / (4 * trials * trials))
    return max(0.0, center - half), min(1.0, center + half)


def _calibration_error(judgements: Judgements, asked: NDArray[np.bool_]) -> float:
    return expected_calibration_error(calibration_bins(judgements.confidences[asked], judgements.right[asked]))
