"""What an addition changed in a model: what joined, which questions moved, and whether to train again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.data import Original
from deployments.faq_matcher.learned import Learned
from deployments.faq_matcher.meanings import Meanings, from_bfloat16
from deployments.faq_matcher.union import Union
from deployments.faq_matcher.wordings import Wordings

# Of the model's own wordings, so many are asked before and after.
MOST_COMPARED = 1_000

# Moves that are told one by one.
MOST_EXAMPLES = 10

# From this share of additions on, a model should be trained again: what joined is neither sharpened nor calibrated.
SHARE_TO_RETRAIN = 0.2


@dataclass(frozen=True, slots=True)
class Move:
    """A wording of the model that is matched to another original than before.

    Attributes:
        text: the wording.
        own: the original that it belongs to.
        before: the best match before.
        after: the best match now.
    """

    text: str
    own: Original
    before: Original
    after: Original


@dataclass(frozen=True, slots=True)
class Arrival:
    """A wording that joined.

    Attributes:
        text: the wording.
        own: the original that it belongs to.
        best: the best match now.
        probability: that of the best match.
    """

    text: str
    own: Original
    best: Original
    probability: float

    @property
    def is_found(self) -> bool:
        """Whether it is matched to its own original."""
        return self.best == self.own


@dataclass(frozen=True, slots=True)
class Changes:
    """What an addition changed.

    Attributes:
        originals: how many joined.
        duplicates: how many joined.
        answers: how many joined.
        features: how many joined the vocabulary.
        arrivals: the new wordings, originals first.
        compared: how many of the model's own wordings were asked before and after.
        moved: how many of them have another best match now.
        moves: some of those.
        added_share: wordings that joined since training, this time and before, for each that was trained with.
    """

    originals: int
    duplicates: int
    answers: int
    features: int
    arrivals: tuple[Arrival, ...]
    compared: int
    moved: int
    moves: tuple[Move, ...]
    added_share: float

    @property
    def retrain_advised(self) -> bool:
        """Whether so much joined that the model should be trained again."""
        return self.added_share > SHARE_TO_RETRAIN


def changes(
    before: Learned, after: Learned, union: Union, *, answers: int, embedded: NDArray[np.float32] | None
) -> Changes:
    """Compares a model with and without additions.

    Args:
        before: the model.
        after: the model with additions.
        union: the texts of both.
        answers: how many joined.
        embedded: (new wordings, dimensions) of the new wordings; None for a model that goes by words alone.
    """
    compared, moved = _moves(before, after, union.before)
    facts = after.facts
    added = sum(each.originals + each.duplicates for each in facts.additions)
    return Changes(
        originals=len(after.originals) - len(before.originals),
        duplicates=len(after.duplicates) - len(before.duplicates),
        answers=answers,
        features=after.evidence.features.count - before.evidence.features.count,
        arrivals=_arrivals(after, union.new, embedded),
        compared=compared,
        moved=len(moved),
        # Those away from the right original first.
        moves=tuple(sorted(moved, key=lambda move: move.before != move.own)[:MOST_EXAMPLES]),
        added_share=added / (facts.originals + facts.duplicates),
    )


def _arrivals(learned: Learned, texts: Wordings, embedded: NDArray[np.float32] | None) -> tuple[Arrival, ...]:
    found = []
    for row, (text, own) in enumerate(zip(texts.texts, texts.owners.tolist(), strict=True)):
        logits = _logits(learned, text, None if embedded is None else embedded[row])
        best = int(logits.argmax())
        probability = float(learned.calibration.probabilities(logits)[best])
        found.append(Arrival(text, learned.originals[own], learned.originals[best], probability))
    return tuple(found)


def _moves(before: Learned, after: Learned, texts: Wordings) -> tuple[int, list[Move]]:
    """How many of the model's own wordings were compared, and those whose best match changed."""
    random = np.random.default_rng(before.facts.recipe.seed)
    drawn = random.permutation(len(texts.texts))[:MOST_COMPARED]
    embedded = _of_wordings(before.evidence.meanings, texts, drawn)
    found = []
    for row, place in enumerate(drawn.tolist()):
        text, embedding = texts.texts[place], None if embedded is None else embedded[row]
        was, now = (int(_logits(learned, text, embedding).argmax()) for learned in (before, after))
        if was != now:
            own = after.originals[texts.owners[place]]
            found.append(Move(text, own, after.originals[was], after.originals[now]))
    return len(drawn), found


def _of_wordings(known: Meanings | None, texts: Wordings, places: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """The embeddings that a model keeps of some of its wordings, (places, dimensions)."""
    if known is None:
        return None
    # The model keeps them by original.
    row_of = np.empty(len(texts.texts), np.int64)
    row_of[np.argsort(texts.owners, kind="stable")] = np.arange(len(texts.texts))
    return from_bfloat16(known.wordings[row_of[places]])


def _logits(learned: Learned, text: str, embedding: NDArray[np.float32] | None) -> NDArray[np.float32]:
    evidence = learned.evidence
    return evidence.logits(evidence.words(text), embedding, learned.calibration.weights)
