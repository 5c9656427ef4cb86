"""Text to numbers: words and their character trigrams, weighted by TF-IDF."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

GRAM_LENGTH = 3

_WORD = re.compile(r"\w+")

# Words whose features are remembered, and up to which length: a bound on memory whatever clients send.
_REMEMBERED_WORDS = 10_000
_REMEMBERED_LENGTH = 40


def words(text: str) -> list[str]:
    """The words of a text, in lower case and in order; a word is a run of letters, digits and underscores."""
    return _WORD.findall(text.casefold())


def has_words(text: str) -> bool:
    """Whether a text has any letter or digit to go by."""
    return _WORD.search(text) is not None


def grams_of_word(word: str) -> list[str]:
    """The word itself and its trigrams, ends marked: `<at>`, `<at`, `at>`.

    Trigrams match inflections, misspellings and languages that put no spaces between words.
    """
    marked = f"<{word}>"
    trigrams = [marked[start : start + GRAM_LENGTH] for start in range(len(marked) - GRAM_LENGTH + 1)]
    return trigrams if len(marked) == GRAM_LENGTH else [marked, *trigrams]


def grams(text: str) -> list[str]:
    """All features of a text, repeated as often as they occur."""
    return [gram for word in words(text) for gram in grams_of_word(word)]


class TfidfFeatures:
    """Computes what scikit-learn's TfidfVectorizer(analyzer=grams, sublinear_tf=True) does, without its overhead.

    Args:
        vocabulary: terms in the order of their columns.
        idf: (features,) float32, inverse document frequencies.
    """

    def __init__(self, vocabulary: Sequence[str], idf: NDArray[np.float32]) -> None:
        self._columns = {term: column for column, term in enumerate(vocabulary)}
        self._idf = idf
        self._remembered = lru_cache(maxsize=_REMEMBERED_WORDS)(self._look_up)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Features of texts.

        Returns:
            (texts, features) float32; each row has length 1, or 0 where no feature of the text is known.
        """
        columns: list[int] = []
        ends = [0]
        for text in texts:
            for word in words(text):
                columns.extend(self._columns_of(word))
            ends.append(len(columns))
        return self._weigh(np.array(columns, dtype=np.int64), np.array(ends))

    def _columns_of(self, word: str) -> tuple[int, ...]:
        return self._remembered(word) if len(word) <= _REMEMBERED_LENGTH else self._look_up(word)

    def _look_up(self, word: str) -> tuple[int, ...]:
        found = map(self._columns.get, grams_of_word(word))
        return tuple(column for column in found if column is not None)

    def _weigh(self, columns: NDArray[np.int64], ends: NDArray[np.int64]) -> csr_matrix:
        rows, width = len(ends) - 1, len(self._idf)
        # Row and column in one number: a single sort counts the occurrences in all texts at once.
        cells = np.repeat(np.arange(rows), np.diff(ends)) * width + columns
        cells, occurrences = np.unique(cells, return_counts=True)
        row_of, column_of = np.divmod(cells, width)
        values = (1 + np.log(occurrences)) * self._idf[column_of]
        lengths = np.sqrt(np.bincount(row_of, weights=values * values, minlength=rows))
        values = (values / lengths[row_of]).astype(np.float32)
        starts = np.searchsorted(row_of, np.arange(rows + 1)).astype(np.int32)
        return csr_matrix((values, column_of.astype(np.int32), starts), shape=(rows, width))
