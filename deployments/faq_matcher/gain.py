"""How good recipes are by questions held out, and how much is gained by choosing among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.calibration import SHARE_WITHOUT_MATCH, Calibration, HeldOut

F64 = NDArray[np.float64]

# Parts of the questions that take turns in judging what the others choose. With more than two, choices share questions
# and so their luck: among 40 recipes that differ by nothing, ten parts find a gain one time in ten, two one in forty.
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Gain:
    """How much higher a search gets the reciprocal rank, measured on questions that took no part in choosing.

    Attributes:
        mean: reciprocal rank by the chosen recipe less that by the first one.
        standard_error: of the mean, taking questions as independent.
    """

    mean: float
    standard_error: float

    @property
    def is_more_than_noise(self) -> bool:
        """Whether it is more than two standard errors above zero."""
        return self.mean > 2 * self.standard_error


def reciprocal_ranks(held_out: HeldOut, calibration: Calibration) -> F64:
    """1 / rank of the right original among the candidates, behind others that are as probable; (questions,) float64."""
    logits = _logits(held_out, calibration)
    ranks: F64 = 1 / (1 + (logits[:, 1:] >= logits[:, :1]).sum(axis=1))
    return ranks


def log_losses(held_out: HeldOut, calibration: Calibration) -> F64:
    """Log loss of each question, in nats: as it is, and with its original taken away, by their assumed shares.

    Returns:
        (questions,) float64.
    """
    logits = _logits(held_out, calibration)
    others = np.logaddexp(np.logaddexp.reduce(logits[:, 1:], axis=1), calibration.none)
    matched = np.logaddexp(others, logits[:, 0]) - logits[:, 0]
    losses: F64 = (1 - SHARE_WITHOUT_MATCH) * matched + SHARE_WITHOUT_MATCH * (others - calibration.none)
    return losses


def gain(ranks: F64, seed: int) -> Gain:
    """How much choosing the best recipe brings, without the luck of the best of many.

    The questions are dealt into parts; for each part, the recipe that is best on the others is chosen and compared with
    the first one on that part.

    Args:
        ranks: (recipes, questions) reciprocal ranks, of two questions at least.
        seed: of the parts.
    """
    questions = ranks.shape[1]
    part_of = np.random.default_rng(seed).permutation(questions) % _PARTS
    gains = np.zeros(questions)
    for part in range(_PARTS):
        own = part_of == part
        chosen = ranks[:, ~own].mean(axis=1).argmax()
        gains[own] = ranks[chosen, own] - ranks[0, own]
    return Gain(float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(questions)))


def _logits(held_out: HeldOut, calibration: Calibration) -> F64:
    weights = calibration.weights
    return held_out.logits(np.array([weights.words, weights.meaning, weights.nearest][: held_out.evidence.shape[2]]))
