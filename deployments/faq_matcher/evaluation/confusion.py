"""Which originals are taken for which others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.evaluation.judging import Judgements


@dataclass(frozen=True, slots=True)
class Confusion:
    """What became of the questions of one original.

    Attributes:
        place: place of the original.
        questions: its test questions.
        right: those for which it is the best original, matched or not.
        unmatched: those that are matched with nothing.
        confused_with: places of the originals that its questions are taken for, and how often, most frequent first.
        strangers: strangers that are matched with it.
    """

    place: int
    questions: int
    right: int
    unmatched: int
    confused_with: tuple[tuple[int, int], ...]
    strangers: int

    @property
    def wrong(self) -> int:
        """Questions for which another original is best."""
        return self.questions - self.right


def confusions(judgements: Judgements) -> list[Confusion]:
    """Counts for each original that has test questions or attracts strangers; those with the most errors first.

    Strangers that an original attracts count as errors, as much as its questions that go elsewhere.
    """
    truth, best = judgements.truth, judgements.leaders[:, 0]
    questions = _count(truth[judgements.known])
    right = _count(truth[judgements.right])
    unmatched = _count(truth[judgements.known & ~judgements.matched])
    strangers = _count(best[~judgements.known & judgements.matched])
    others = _others(truth, best, judgements.known & ~judgements.right)
    found = [
        Confusion(
            place, questions[place], right[place], unmatched[place], tuple(others.get(place, ())), strangers[place]
        )
        for place in questions.keys() | strangers.keys()
    ]
    return sorted(found, key=lambda each: (-each.wrong - each.strangers, -each.wrong, each.place))


def _count(places: NDArray[np.int64]) -> Counter[int]:
    return Counter(places.tolist())


def _others(
    truth: NDArray[np.int64], best: NDArray[np.int64], wrong: NDArray[np.bool_]
) -> dict[int, list[tuple[int, int]]]:
    pairs = Counter(zip(truth[wrong].tolist(), best[wrong].tolist(), strict=True))
    others: dict[int, list[tuple[int, int]]] = {}
    for (place, other), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0][1])):
        others.setdefault(place, []).append((other, count))
    return others
