"""Why a match: which words of the question speak for it, and which against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import Explanation
from deployments.faq_matcher import kernels
from deployments.faq_matcher.calibration import Calibration
from deployments.faq_matcher.evidence import Evidence
from deployments.faq_matcher.features import shown_words
from deployments.faq_matcher.kernels import UNKNOWN
from deployments.faq_matcher.profiles import Index

# Words that are named; the others are summed up.
_MOST_TERMS = 20


def explain(
    evidence: Evidence, calibration: Calibration, text: str, places: Sequence[int], logits: NDArray[np.float32]
) -> list[Explanation]:
    """Splits scores into what each word of a question contributes, exactly: the words' part of the model is linear.

    The score of a match is its logit over that of `none of them`: above 0, it is the likelier of the two. A word's
    weight is what its own features and n-grams contribute; a feature that several words share is divided among them.
    What remains is the meaning of the sentence as a whole, where the model knows it, and the logit of `none`.

    Args:
        evidence: of the model.
        calibration: of the model.
        text: the question.
        places: originals to explain.
        logits: (originals,) of the question.
    """
    spoken = _Spoken.of(evidence, text)
    scores = (float(logits[place]) - calibration.none for place in places)
    weight = calibration.weights.words
    return [
        _explanation(spoken.words, spoken.contributions(evidence.index, place) * weight, score)
        for place, score in zip(places, scores, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A question with its features and the words that they are from."""

    words: list[str]
    occurrences: NDArray[np.intp]
    owners: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, evidence: Evidence, text: str) -> _Spoken:
        found = evidence.features.find(text)
        columns, values = evidence.features.weigh(found)
        known = found.columns != UNKNOWN
        occurrences = np.searchsorted(columns, found.columns[known])
        return cls(shown_words(text, found), occurrences, found.owners[known], columns, values)

    def contributions(self, index: Index, place: int) -> NDArray[np.float64]:
        """(words,) what each word contributes to the product with an original's profile."""
        profile = kernels.pick(index.starts, index.places, index.weights, self.columns, place)
        products = profile.astype(np.float64) * self.values
        shares = products / np.bincount(self.occurrences, minlength=len(products))
        return np.bincount(self.owners, shares[self.occurrences], minlength=len(self.words)).astype(np.float64)


def _explanation(words: Sequence[str], contributed: NDArray[np.float64], score: float) -> Explanation:
    total: dict[str, float] = {}
    for word, weight in zip(words, contributed.tolist(), strict=True):
        if weight:
            total[word] = total.get(word, 0.0) + weight
    terms = sorted(total.items(), key=lambda term: (-abs(term[1]), term[0]))[:_MOST_TERMS]
    return Explanation(terms=terms, other=score - sum(weight for _, weight in terms), score=score)
