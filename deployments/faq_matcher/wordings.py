"""The texts of a FAQ as training reads them: every wording with its original, every original with its answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original


@dataclass(frozen=True, slots=True)
class Wordings:
    """Originals first, in their order, then duplicates.

    Attributes:
        texts: of each wording.
        owners: (wordings,) int64 places of the originals they belong to.
        originals: how many originals there are.
    """

    texts: list[str]
    owners: NDArray[np.int64]
    originals: int

    @property
    def duplicates(self) -> NDArray[np.int64]:
        """Places of the wordings that are duplicates."""
        return np.arange(self.originals, len(self.texts))


def wordings(originals: Iterable[Original], duplicates: Iterable[Duplicate]) -> Wordings:
    """Collects the wordings of originals; each duplicate's answer is that of exactly one of them."""
    originals, duplicates = list(originals), list(duplicates)
    place = {original.answer_id: place for place, original in enumerate(originals)}
    owners = [*range(len(originals)), *(place[duplicate.answer_id] for duplicate in duplicates)]
    texts = [*(original.text for original in originals), *(duplicate.text for duplicate in duplicates)]
    return Wordings(texts, np.array(owners, np.int64), len(originals))


def answers_read(data: FaqData, words: int) -> list[str]:
    """All answers to each original as one text, the best one first, cut after so many words; empty without one."""
    collected: dict[int | str, list[str]] = {original.id: [] for original in data.originals}
    best = {(original.id, original.answer_id) for original in data.originals}
    for answer in sorted(data.answers, key=lambda answer: (answer.question_id, answer.id) not in best):
        collected[answer.question_id].append(answer.text)
    return [" ".join(" ".join(collected[original.id]).split()[:words]) for original in data.originals]


def best_answers(data: FaqData) -> tuple[str | None, ...]:
    """The answer to give with each original: the one that it names, else its first one, else None."""
    named = {(answer.question_id, answer.id): answer for answer in reversed(data.answers)}
    first: dict[int | str, Answer] = {answer.question_id: answer for answer in reversed(data.answers)}
    found = (named.get((each.id, each.answer_id), first.get(each.id)) for each in data.originals)
    return tuple(None if answer is None else answer.text for answer in found)
