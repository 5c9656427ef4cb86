"""Texts as sparse vectors: TF-IDF of words and of the character n-grams in them, found by compiled code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from deployments.faq_matcher import kernels
from deployments.faq_matcher.kernels import UNKNOWN
from deployments.faq_matcher.text import code_points, folded, word_characters

# Slots for each feature in the table of hashes: half of them stay free, so that a look-up takes few steps.
_SLOTS_PER_FEATURE = 2


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """What is a feature of a text.

    Attributes:
        gram_lengths: lengths of the character n-grams within a word, its ends included.
        head_weight: how much the headline counts beside the whole text.
        head_words: the headline is the first line, and at most so many words.
    """

    gram_lengths: tuple[int, ...] = (4,)
    head_weight: float = 0.4
    head_words: int = 25


@dataclass(frozen=True, slots=True)
class Found:
    """The features of one text that a vocabulary knows.

    Attributes:
        columns: (features,) int32 columns, as often as they occur; UNKNOWN for the others.
        owners: (features,) int32 numbers of the words that they are from, rising.
        spans: (words, 2) int32 place of each word in the folded text.
        head: how many of the first words are the headline.
    """

    columns: NDArray[np.int32]
    owners: NDArray[np.int32]
    spans: NDArray[np.int32]
    head: int


class Features:
    """A vocabulary and its weights.

    Args:
        hashes: (columns,) uint64, the features in the order of their columns.
        idf: (columns,) float32, inverse document frequencies.
        settings: what is a feature.
    """

    def __init__(self, hashes: NDArray[np.uint64], idf: NDArray[np.float32], settings: FeatureSettings) -> None:
        self.hashes = hashes
        self.idf = idf
        self.settings = settings
        self._gram_lengths = np.array(settings.gram_lengths, np.int64)
        self._is_word = word_characters()
        size = 1 << max(4, (len(hashes) * _SLOTS_PER_FEATURE - 1).bit_length())
        self._slots = np.zeros(size, np.uint64)
        self._columns = np.full(size, UNKNOWN, np.int32)
        kernels.fill_slots(self._slots, self._columns, hashes)

    @property
    def count(self) -> int:
        """Number of features, which is the length of a vector."""
        return len(self.hashes)

    def find(self, text: str) -> Found:
        """The features of a text."""
        hashes, owners, spans, head = kernels.extract(
            code_points(text), self._is_word, self._gram_lengths, self.settings.head_words
        )
        return Found(kernels.look_up(self._slots, self._columns, hashes), owners, spans, int(head[0]))

    def vector(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """A text as a vector of length 1, or 0 where no feature of it is known.

        Returns:
            (n,) rising columns, (n,) float32 weights.
        """
        return self.weigh(self.find(text))

    def weigh(self, found: Found) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `vector`, of features that are found."""
        columns, values = kernels.weigh(found.columns, found.owners, found.head, self.idf, self.settings.head_weight)
        return columns, values

    def transform(self, texts: Sequence[str]) -> csr_array:
        """Texts as rows.

        Returns:
            (texts, features) float32; each row has length 1, or 0 where no feature of the text is known.
        """
        rows = [self.vector(text) for text in texts]
        starts = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in rows])]).astype(np.int64)
        columns = np.concatenate([columns for columns, _ in rows]) if rows else np.empty(0, np.int32)
        values = np.concatenate([values for _, values in rows]) if rows else np.empty(0, np.float32)
        return csr_array((values, columns, starts), shape=(len(rows), self.count))


def fit_features(texts: Sequence[str], settings: FeatureSettings) -> Features:
    """Learns the vocabulary of texts; features that few texts have weigh more.

    The weight is 1 + ln((1 + n) / (1 + df)), as scikit-learn's TfidfTransformer has it.
    """
    hashes, frequencies = document_frequencies(texts, settings)
    idf = 1 + np.log((1 + len(texts)) / (1 + frequencies))
    return Features(hashes, idf.astype(np.float32), settings)


def document_frequencies(
    texts: Sequence[str], settings: FeatureSettings
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of all features, rising, and in how many of the texts each occurs."""
    gram_lengths, is_word = np.array(settings.gram_lengths, np.int64), word_characters()
    merged = np.empty(0, np.uint64), np.empty(0, np.int64)
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        found = [
            np.unique(kernels.extract(code_points(text), is_word, gram_lengths, settings.head_words)[0])
            for text in texts[start : start + _TEXTS_AT_ONCE]
        ]
        hashes, counts = np.unique(np.concatenate(found), return_counts=True)
        merged = _merge(*merged, hashes, counts)
    return merged


def shown_words(text: str, found: Found) -> list[str]:
    """The words of a text in order, as they are matched."""
    characters = folded(text)
    return [characters[start:end] for start, end in found.spans.tolist()]


# Texts whose features are counted together: bounds memory.
_TEXTS_AT_ONCE = 10_000


def _merge(
    hashes: NDArray[np.uint64], counts: NDArray[np.int64], more: NDArray[np.uint64], more_counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    union, places = np.unique(np.concatenate([hashes, more]), return_inverse=True)
    weights = np.concatenate([counts, more_counts])
    return union, np.bincount(places, weights, minlength=len(union)).astype(np.int64)
