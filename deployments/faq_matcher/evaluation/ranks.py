"""The rank of the right original, over many questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Bars of the histogram end at these ranks; further ones at each power of ten.
_BAR_ENDS = (1, 2, 3, 4, 5, 10)


@dataclass(frozen=True, slots=True)
class RankBar:
    """How many questions rank their original from `first` to `last`."""

    first: int
    last: int
    count: int

    @property
    def label(self) -> str:
        """The ranks in words."""
        return str(self.first) if self.first == self.last else f"{self.first:,}\u2013{self.last:,}"


def accuracy_at(ranks: NDArray[np.int64], k: int) -> float:
    """Acc@k: the share of questions whose right original is among the best k.

    Args:
        ranks: (questions,) ranks from 1; at least one.
        k: how many of the best count.
    """
    return float((ranks <= k).mean())


def mean_reciprocal_rank(ranks: NDArray[np.int64]) -> float:
    """MRR: the mean of 1 / rank (Voorhees, The TREC-8 Question Answering Track Report, 1999).

    Args:
        ranks: (questions,) ranks from 1; at least one.
    """
    return float((1 / ranks).mean())


def rank_bars(ranks: NDArray[np.int64], originals: int) -> tuple[RankBar, ...]:
    """A histogram whose bars grow wider with the rank, up to the number of originals.

    Args:
        ranks: (questions,) ranks from 1.
        originals: the worst rank there can be; at least 1.
    """
    ends = list(_BAR_ENDS)
    while ends[-1] < originals:
        ends.append(ends[-1] * 10)
    firsts = [1, *(end + 1 for end in ends[:-1])]
    return tuple(
        RankBar(first, min(end, originals), int(np.count_nonzero((ranks >= first) & (ranks <= end))))
        for first, end in zip(firsts, ends, strict=True)
        if first <= originals
    )
