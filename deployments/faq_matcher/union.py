"""The texts of a model together with those that join it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.data import Answer, Duplicate, Id, Original
from deployments.faq_matcher.learned import Learned
from deployments.faq_matcher.wordings import Wordings, wordings


@dataclass(frozen=True, slots=True)
class Union:
    """A model's texts and the new ones; known originals keep their places, new ones come behind them.

    Attributes:
        originals: all.
        duplicates: all.
        answers: the one to give with each original; None where there is none.
        before: the wordings of the model.
        after: all wordings.
        new: the wordings that join.
        read_before: the answers to each original as one text, as far as the model keeps them; empty without one.
        read_after: the same with what joins.
        touched: rising places of the originals that something joins, new ones included.
    """

    originals: tuple[Original, ...]
    duplicates: tuple[Duplicate, ...]
    answers: tuple[str | None, ...]
    before: Wordings
    after: Wordings
    new: Wordings
    read_before: list[str]
    read_after: list[str]
    touched: NDArray[np.int64]

    @property
    def documents(self) -> int:
        """Texts that count in document frequencies: wordings, and answers by original."""
        return len(self.after.texts) + sum(map(bool, self.read_after))

    @property
    def new_answers(self) -> list[str]:
        """Answers by original, where they changed."""
        return [after for before, after in zip(self.read_before, self.read_after, strict=True) if before != after]


def unite(
    learned: Learned, originals: Sequence[Original], duplicates: Sequence[Duplicate], answers: Sequence[Answer]
) -> Union:
    """Collects the texts of a model and of what joins it."""
    every, wordings_of = (*learned.originals, *originals), (*learned.duplicates, *duplicates)
    before, after = wordings(learned.originals, learned.duplicates), wordings(every, wordings_of)
    joined = np.concatenate(
        [
            np.arange(len(learned.originals), len(every)),
            np.arange(len(after.texts) - len(duplicates), len(after.texts)),
        ]
    )
    new = Wordings([after.texts[place] for place in joined.tolist()], after.owners[joined], len(originals))
    own = _new_answers(every, answers)
    known = [*learned.answers, *(None for _ in originals)]
    most = learned.facts.recipe.answer_words
    return Union(
        originals=every,
        duplicates=wordings_of,
        answers=tuple(_given(each, kept, own[each.id]) for each, kept in zip(every, known, strict=True)),
        before=before,
        after=after,
        new=new,
        read_before=[_cut(kept or "", most) for kept in known],
        read_after=[_read(each, kept, own[each.id], most) for each, kept in zip(every, known, strict=True)],
        touched=np.union1d(new.owners, np.array([place for place, each in enumerate(every) if own[each.id]], np.int64)),
    )


def _new_answers(originals: Sequence[Original], answers: Sequence[Answer]) -> dict[Id, list[Answer]]:
    """New answers by original, the one that it names first."""
    best = {(original.id, original.answer_id) for original in originals}
    found: dict[Id, list[Answer]] = {original.id: [] for original in originals}
    for answer in sorted(answers, key=lambda answer: (answer.question_id, answer.id) not in best):
        found[answer.question_id].append(answer)
    return found


def _given(original: Original, kept: str | None, new: Sequence[Answer]) -> str | None:
    if new and (kept is None or new[0].id == original.answer_id):
        return new[0].text
    return kept


def _read(original: Original, kept: str | None, new: Sequence[Answer], words: int) -> str:
    texts = [answer.text for answer in new]
    place = 1 if new and new[0].id == original.answer_id else 0
    return _cut(" ".join([*texts[:place], kept or "", *texts[place:]]), words)


def _cut(text: str, words: int) -> str:
    return " ".join(text.split()[:words])
