"""Sharpening: profiles learn to tell each original from its rivals, by gradient descent on examples."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from deployments.faq_matcher import training_kernels
from deployments.faq_matcher.evidence import best_places
from deployments.faq_matcher.profiles import Index, index
from deployments.faq_matcher.recipe import Recipe

# Finding an example's rivals takes time in proportion to the originals; this bounds it to minutes.
_MOST_PRODUCTS = 1_000_000_000

# How fast steps get shorter: in pass n, counted from 0, they have 1 / (1 + n * this) of their first length.
_DECAY = 0.3

_THREADS = 2


@dataclass(frozen=True, slots=True)
class Examples:
    """Wordings with their originals.

    Attributes:
        words: (wordings, features) vectors.
        owners: (wordings,) places of their originals.
        originals: how many originals there are.
    """

    words: csr_array
    owners: NDArray[np.int64]
    originals: int

    def telling(self, seed: int) -> NDArray[np.int64]:
        """Places of the wordings worth learning from, in an order of their own.

        An original's only wording is what its profile is made of, and so matches it already.
        """
        counts = np.bincount(self.owners, minlength=self.originals)
        several = np.flatnonzero(counts[self.owners] > 1)
        drawn = np.random.default_rng(seed).permutation(several)
        return drawn[: max(1, _MOST_PRODUCTS // self.originals)]


def sharpened(profiles: csr_array, examples: Examples, recipe: Recipe) -> csr_array:
    """Profiles that tell originals apart better; features and originals that no example touches stay as they are.

    Args:
        profiles: (originals, features), rows with rising columns.
        examples: what to learn from.
        recipe: rounds, rate, rivals, sharpness and seed are read.
    """
    chosen = examples.telling(recipe.seed)
    rivals = min(recipe.rivals, examples.originals - 1)
    if not len(chosen) or not rivals:
        return profiles
    result = profiles.copy()
    words = csr_array(examples.words[chosen])
    candidates = _candidates(words, examples.owners[chosen], index(profiles), rivals)
    random = np.random.default_rng(recipe.seed)
    for number in range(recipe.rounds):
        training_kernels.sharpen(
            words.indptr.astype(np.int64), words.indices.astype(np.int32), words.data, candidates,
            random.permutation(len(chosen)),
            result.indptr, result.indices, result.data,
            recipe.sharpness, recipe.rate / (1 + _DECAY * number),
        )  # fmt: skip
    return result


def _candidates(words: csr_array, owners: NDArray[np.int64], profiles: Index, rivals: int) -> NDArray[np.int32]:
    """For each example its original, then the rivals that its words speak for most."""
    candidates = np.empty((len(owners), rivals + 1), np.int32)
    candidates[:, 0] = owners

    def find(example: int) -> None:
        row = slice(words.indptr[example], words.indptr[example + 1])
        scores = profiles.scores(words.indices[row], words.data[row])
        scores[owners[example]] = -np.inf
        candidates[example, 1:] = best_places(scores, rivals)

    # The compiled loops let go of the interpreter's lock.
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(find, range(len(owners)), chunksize=64))
    return candidates
