"""What speaks for each original: the numbers that calibration turns into probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.features import Features
from deployments.faq_matcher.meanings import Meanings
from deployments.faq_matcher.profiles import Index

# Originals whose single wordings are compared with a question: those that the rest of the evidence puts first.
CANDIDATES = 50

# From how many originals for each wanted one it pays to select before sorting.
_SELECT_FROM = 16


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each kind of evidence counts in an original's logit.

    Attributes:
        words: of the product of the question's words with the original's profile.
        meaning: of the cosine with the original's profile of meaning; 0 where there is none.
        nearest: of the cosine with its nearest wording; 0 where there is none.
    """

    words: float
    meaning: float = 0.0
    nearest: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Finds what speaks for each original.

    Attributes:
        features: of texts.
        index: profiles of words.
        meanings: profiles of meaning; None for a model that goes by words alone.
    """

    features: Features
    index: Index
    meanings: Meanings | None = None

    def words(self, text: str) -> NDArray[np.float32]:
        """Product of a text's words with each profile, (originals,) float32."""
        return self.index.scores(*self.features.vector(text))

    def logits(
        self, words: NDArray[np.float32], embedding: NDArray[np.float32] | None, weights: Weights
    ) -> NDArray[np.float32]:
        """Weighted evidence for each original.

        Args:
            words: (originals,) as `words` gives it.
            embedding: (dimensions,) of the text; None for a model that goes by words alone.
            weights: how much each kind counts.

        Returns:
            (originals,) float32.
        """
        logits = words * np.float32(weights.words)
        if self.meanings is None or embedding is None:
            return logits
        logits += np.float32(weights.meaning) * self.meanings.similarities(embedding)
        places = best_places(logits, CANDIDATES)
        nearest = np.float32(weights.nearest) * self.meanings.nearest(embedding, places)
        # The others are behind all of these, and stay so.
        least = nearest.min()
        logits += least
        logits[places] += nearest - least
        return logits


def best_places(values: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Places of the largest values in no particular order; all of them where there are no more."""
    if count >= len(values):
        return np.arange(len(values))
    return np.argpartition(values, -count)[-count:]


def best_first(values: NDArray[np.float32], top_k: int | None) -> NDArray[np.intp]:
    """Places of the largest values, largest first, equal ones in the order of their places.

    Args:
        values: (n,) numbers.
        top_k: how many; None for all.
    """
    top_k = len(values) if top_k is None else min(top_k, len(values))
    if top_k * _SELECT_FROM > len(values):
        return np.argsort(-values, kind="stable")[:top_k]
    # All that equal the last one wanted stay in, so that which of them come along is decided by place.
    least = np.partition(values, -top_k)[-top_k]
    places = np.flatnonzero(values >= least)
    return places[np.argsort(-values[places], kind="stable")[:top_k]]
