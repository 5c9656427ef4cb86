"""Compiled inner loops: text to features, features to scores.

A text is an array of Unicode code points. A word is a run of letters, digits and underscores; its features are the word
with its ends marked (`<word>`) and the character n-grams of that. Features are known by 64-bit hashes; with two million
of them, the chance that any two share one is 1e-7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.compiling import compiled

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
U32 = NDArray[np.uint32]
F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

UNKNOWN = -1

_START = np.uint64(ord("<"))
_END = np.uint64(ord(">"))
_OFFSET = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
_PRIME = np.uint64(0x100000001B3)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)  # the finalizer of MurmurHash3: spreads the bits for the table of slots
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_HALF = np.uint64(33)


@compiled
def _hash(codes: U32, start: int, end: int, first: int, stop: int) -> int:
    """Hash of the places first..stop of the word codes[start:end] with its ends marked."""
    value = _OFFSET
    for place in range(first, stop):
        at = start + place - 1
        code = _START if at < start else (_END if at >= end else np.uint64(codes[at]))
        value = (value ^ code) * _PRIME
    value = (value ^ (value >> _HALF)) * _MIX_1
    value = (value ^ (value >> _HALF)) * _MIX_2
    return value ^ (value >> _HALF)


@compiled
def extract(codes: U32, is_word: Bool, gram_lengths: I64, head_words: int) -> tuple[U64, I32, I32, I64]:
    """Features of a text, in order and as often as they occur.

    Args:
        codes: (n,) code points, casefolded.
        is_word: (1114112,) whether a code point is part of a word.
        gram_lengths: (k,) lengths of the character n-grams, rising, at least 2.
        head_words: the headline ends with the first line, or after so many words.

    Returns:
        (features,) hashes; (features,) numbers of the words that they are from; (words, 2) first and last place + 1 of
        each word; and an array of one: how many of the first words are the headline.
    """
    n = len(codes)
    # A word has one n-gram more than characters at most, and something stands between two words.
    hashes = np.empty((n + 1) * (1 + len(gram_lengths)), np.uint64)
    owners = np.empty(len(hashes), np.int32)
    spans = np.empty((n // 2 + 1, 2), np.int32)
    head = np.zeros(1, np.int64)
    count, words, place, in_head = 0, 0, 0, True
    while place < n:
        if not is_word[codes[place]]:
            if words and codes[place] == 10:  # noqa: PLR2004 - line feed
                in_head = False
            place += 1
            continue
        start = place
        while place < n and is_word[codes[place]]:
            place += 1
        length = place - start + 2
        hashes[count] = _hash(codes, start, place, 0, length)
        owners[count] = words
        count += 1
        for gram in gram_lengths:
            # A gram as long as the marked word is the word itself.
            for first in range(length - gram + 1 if gram < length else 0):
                hashes[count] = _hash(codes, start, place, first, first + gram)
                owners[count] = words
                count += 1
        spans[words, 0], spans[words, 1] = start, place
        words += 1
        if in_head and words <= head_words:
            head[0] = words
    return hashes[:count], owners[:count], spans[:words], head


@compiled
def find(slots: U64, columns: I32, key: int) -> int:
    """The slot of a hash in an open-addressing table: the one that holds it, or the free one where it belongs."""
    mask = np.uint64(len(slots) - 1)
    slot = key & mask
    while columns[slot] != UNKNOWN and slots[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@compiled
def fill_slots(slots: U64, columns: I32, hashes: U64) -> None:
    """Enters hashes into an empty table; column i is hash i."""
    for column in range(len(hashes)):
        slot = find(slots, columns, hashes[column])
        slots[slot] = hashes[column]
        columns[slot] = column


@compiled
def look_up(slots: U64, columns: I32, hashes: U64) -> I32:
    """Columns of hashes; UNKNOWN for those that the table does not hold."""
    found = np.empty(len(hashes), np.int32)
    for i in range(len(hashes)):
        found[i] = columns[find(slots, columns, hashes[i])]
    return found


@compiled
def weigh(found: I32, owners: I32, head: int, idf: F32, head_weight: float) -> tuple[I32, F32]:
    """TF-IDF of a text whose headline counts more than the rest.

    The vector is F/|F| + head_weight H/|H|, scaled to length 1, where F and H are (1 + ln tf) idf over the whole text
    and over its headline.

    Args:
        found: (features,) columns, UNKNOWN included, as often as they occur.
        owners: (features,) the words they are from, rising.
        head: how many of the first words are the headline.
        idf: (columns,) inverse document frequencies.
        head_weight: weight of the headline.

    Returns:
        (n,) columns, rising; (n,) their weights.
    """
    order = np.argsort(found, kind="mergesort")
    columns = np.empty(len(found), np.int32)
    whole = np.zeros(len(found), np.float32)
    title = np.zeros(len(found), np.float32)
    n = 0
    for i in order:
        column = found[i]
        if column == UNKNOWN:
            continue
        if n == 0 or columns[n - 1] != column:
            columns[n] = column
            n += 1
        whole[n - 1] += 1
        if owners[i] < head:
            title[n - 1] += 1
    for i in range(n):
        scale = idf[columns[i]]
        whole[i] = (1 + np.log(whole[i])) * scale
        if title[i] > 0:
            title[i] = (1 + np.log(title[i])) * scale
    values = whole[:n] / _length(whole[:n]) + np.float32(head_weight) / _length(title[:n]) * title[:n]
    return columns[:n], values / _length(values)


@compiled
def _length(values: F32) -> float:
    total = np.float32(0)
    for value in values:
        total += value * value
    return np.sqrt(total) if total > 0 else np.float32(1)


@compiled
def add_products(starts: I64, places: I32, weights: F32, columns: I32, values: F32, scores: F32) -> None:
    """Adds to scores the products of a sparse vector with each original's profile.

    Args:
        starts: (columns + 1,) where each column begins in `places` and `weights`: the inverted index.
        places: (n,) originals whose profile has the column.
        weights: (n,) their weights.
        columns: (m,) columns of the vector.
        values: (m,) its values.
        scores: (originals,) added to.
    """
    for i in range(len(columns)):
        value = values[i]
        for at in range(starts[columns[i]], starts[columns[i] + 1]):
            scores[places[at]] += value * weights[at]


@compiled
def add_dense_products(rows: NDArray[np.uint16], vector: F32, scores: F32) -> None:
    """Adds to scores the products of a dense vector with rows of bfloat16 numbers.

    Args:
        rows: (n, dimensions) uint16, the upper halves of float32 numbers: half the memory, twice the speed of float32.
        vector: (dimensions,) float32.
        scores: (n,) added to.
    """
    for i in range(rows.shape[0]):
        total = np.float32(0)
        for j in range(rows.shape[1]):
            total += np.uint32(np.uint32(rows[i, j]) << np.uint32(16)).view(np.float32) * vector[j]
        scores[i] += total


@compiled
def pick(starts: I64, places: I32, weights: F32, columns: I32, place: int) -> F32:
    """Weights that one original's profile has in some columns, (columns,); 0 where it has none."""
    found = np.zeros(len(columns), np.float32)
    for i in range(len(columns)):
        first, last = starts[columns[i]], starts[columns[i] + 1]
        at = first + np.searchsorted(places[first:last], place)
        if at < last and places[at] == place:
            found[i] = weights[at]
    return found
