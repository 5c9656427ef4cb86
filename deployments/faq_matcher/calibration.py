"""From evidence to probabilities: a softmax over the originals and `none of them`, fitted to questions held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from deployments.faq_matcher.evidence import Weights

F64 = NDArray[np.float64]

# Among the questions that people ask, how many have no match: what calibration assumes.
SHARE_WITHOUT_MATCH = 0.2

# Weights stay near where they start unless questions speak for others: standard deviations of a normal distribution
# around the start, of the logarithm of weights and of the logit of `none`.
_SPREAD_OF_LOG_WEIGHTS = 0.5
_SPREAD_OF_NONE = 5.0

# A question that nothing speaks for, as all logits are 0, must not match, however few questions were learnt from.
_LEAST_NONE = 2.0

# With fewer questions than this, precision cannot be estimated.
LEAST_QUESTIONS = 20

DEFAULT_THRESHOLD = 0.5

# Probabilities that differ by no more are the same.
_SAME = 1e-7


@dataclass(frozen=True, slots=True)
class Calibration:
    """How evidence becomes probabilities, and which of them are enough.

    Attributes:
        weights: of the kinds of evidence in an original's logit.
        none: logit of `none of them`.
        threshold: the best original is a match from this probability on.
    """

    weights: Weights
    none: float
    threshold: float = DEFAULT_THRESHOLD

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability that each original is meant; what is missing from 1 is that none is.

        Args:
            logits: (originals,) float32; changed.

        Returns:
            (originals,) float32.
        """
        top = max(np.float32(self.none), logits.max())
        logits -= top
        odds: NDArray[np.float32] = np.exp(logits, out=logits)
        odds /= odds.sum() + np.exp(np.float32(self.none) - top)
        return odds


# Where there are no questions to learn from; rounded from fits to public FAQs.
START_BY_WORDS = Calibration(Weights(words=24.0), none=8.0)
START_BY_MEANING = Calibration(Weights(words=6.0, meaning=16.0, nearest=8.0), none=15.5)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Evidence for questions whose original is known and that took no part in what the evidence is made of.

    Attributes:
        evidence: (questions, candidates, kinds) float64; the right original is the first candidate; kinds are words,
            and where there are embeddings, meaning and nearest.
        exists: (questions, candidates) whether there is such a candidate.
    """

    evidence: F64
    exists: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.evidence)

    def logits(self, weights: F64) -> F64:
        """(questions, candidates) weighted evidence; minus infinity where there is no candidate."""
        return np.where(self.exists, self.evidence @ weights, -np.inf)


def calibrate(held_out: HeldOut, start: Calibration, wanted_precision: float) -> Calibration:
    """Fits weights and the logit of `none` by maximum a posteriori likelihood, then chooses the threshold.

    Each question counts twice: as it is, and with its original taken away, so that it matches nothing; the latter with
    the share of questions that are assumed to match nothing.

    Args:
        held_out: questions to learn from; may be none.
        start: where there are none, the result; else the centre of the prior.
        wanted_precision: share of matches that shall be right.
    """
    if not len(held_out):
        return start
    kinds = held_out.evidence.shape[2]
    first = np.array([start.weights.words, start.weights.meaning, start.weights.nearest][:kinds])
    found = minimize(_loss, np.zeros(kinds + 1), args=(held_out, first, start.none), method="BFGS")
    weights, none = first * np.exp(found.x[:-1]), max(_LEAST_NONE, float(start.none + found.x[-1]))
    return Calibration(
        Weights(*(float(weight) for weight in weights)), none, _threshold(held_out, weights, none, wanted_precision)
    )


def _loss(moved: F64, held_out: HeldOut, first: F64, none: float) -> float:
    logits = held_out.logits(first * np.exp(moved[:-1]))
    none = none + moved[-1]
    others = np.logaddexp(_log_sum(logits[:, 1:]), none)
    matched = np.logaddexp(others, logits[:, 0]) - logits[:, 0]
    unmatched = others - none
    prior = (moved[:-1] ** 2).sum() / (2 * _SPREAD_OF_LOG_WEIGHTS**2) + moved[-1] ** 2 / (2 * _SPREAD_OF_NONE**2)
    loss: float = ((1 - SHARE_WITHOUT_MATCH) * matched + SHARE_WITHOUT_MATCH * unmatched).sum() + prior
    return loss


def _log_sum(logits: F64) -> F64:
    if logits.shape[1] == 0:
        return np.full(len(logits), -np.inf)
    result: F64 = np.logaddexp.reduce(logits, axis=1)
    return result


def _threshold(held_out: HeldOut, weights: F64, none: float, wanted_precision: float) -> float:
    """The lowest threshold from which on matches are right as often as wanted; the most precise one if none is."""
    if len(held_out) < LEAST_QUESTIONS:
        return DEFAULT_THRESHOLD
    logits = held_out.logits(weights)
    best_other = logits[:, 1:].max(axis=1, initial=-np.inf)
    others = np.logaddexp(_log_sum(logits[:, 1:]), none)
    with_original = np.maximum(logits[:, 0], best_other) - np.logaddexp(others, logits[:, 0])
    probability = np.exp(np.concatenate([with_original, best_other - others]))
    right = np.concatenate([logits[:, 0] > best_other, np.zeros(len(logits), np.bool_)])
    share = np.repeat([1 - SHARE_WITHOUT_MATCH, SHARE_WITHOUT_MATCH], len(logits))
    order = np.argsort(-probability, kind="stable")
    probability, accepted = probability[order], np.cumsum(share[order])
    precision = np.cumsum((share * right)[order]) / accepted
    # Those of the same probability are matches together.
    possible = (accepted >= 1) & (np.diff(probability, append=-1) < -_SAME)
    enough = np.flatnonzero((precision >= wanted_precision) & possible)
    place = enough[-1] if len(enough) else np.argmax(np.where(possible, precision, 0))
    return float(probability[place])
