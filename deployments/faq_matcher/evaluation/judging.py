"""Questions to judgements: where a matcher ranks the right original, what it takes for best and how sure it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deployments.errors import StartupError
from deployments.faq_matcher.data import Duplicate, Id, Original
from deployments.faq_matcher.progress import Progress, no_progress

# 64 questions with 100,000 originals are 26 MB of probabilities.
BATCH = 64

# How many of the best originals are kept of each question.
LEADERS = 5

NO_ORIGINAL = -1


class Matcher(Protocol):
    """What can be evaluated."""

    @property
    def originals(self) -> Sequence[Original]:
        """What a question may mean, in the order of the columns of `match`."""

    @property
    def threshold(self) -> float:
        """From which probability of the best original a question counts as matched."""

    def match(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities (texts, originals) that a text means each original; what a row lacks to 1 is none of them."""


@dataclass(frozen=True)
class Judgements:
    """What a matcher made of questions, one place of each array for each question.

    Attributes:
        truth: (questions,) place of the right original; -1 for a stranger, a question that means none.
        ranks: (questions,) rank of the right original, from 1; 0 for a stranger.
        leaders: (questions, leaders) places of the best originals, best first, equal ones in the matcher's order.
        probabilities: (questions, leaders) float32, those of the leaders.
        threshold: from which probability of the best original a question counts as matched.
    """

    truth: NDArray[np.int64]
    ranks: NDArray[np.int64]
    leaders: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    threshold: float

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(questions,) whether a question has a right original."""
        known: NDArray[np.bool_] = self.truth != NO_ORIGINAL
        return known

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(questions,) whether the best original is the right one, matched or not; never of a stranger."""
        right: NDArray[np.bool_] = self.ranks == 1
        return right

    @cached_property
    def confidences(self) -> NDArray[np.float32]:
        """(questions,) float32 probability of the best original."""
        return self.probabilities[:, 0]

    @cached_property
    def matched(self) -> NDArray[np.bool_]:
        """(questions,) whether the matcher answers, in place of saying that nothing matches."""
        matched: NDArray[np.bool_] = self.confidences >= self.threshold
        return matched


def judge(
    matcher: Matcher,
    questions: Sequence[Duplicate],
    strangers: Sequence[str] = (),
    *,
    batch: int = BATCH,
    progress: Progress = no_progress,
) -> Judgements:
    """Asks a matcher, a batch at a time, so that no matrix of all questions and originals is ever held.

    Args:
        matcher: who answers.
        questions: questions whose answer_id is that of one original of the matcher.
        strangers: texts that mean none of the originals.
        batch: questions asked at once.
        progress: told of progress.

    Returns:
        Judgements of the questions in their order, then of the strangers in theirs.

    Raises:
        StartupError: there is no question, one belongs to no single original, or the matcher gives no numbers.
    """
    if not questions:
        raise StartupError("There is no question to evaluate with: give at least one that has an original.")
    truth = np.array([*_places(matcher.originals, questions), *[NO_ORIGINAL] * len(strangers)], np.int64)
    texts = [*(question.text for question in questions), *strangers]
    ranks, leaders, probabilities = zip(*_batches(matcher, texts, truth, batch, progress), strict=True)
    return Judgements(
        truth, np.concatenate(ranks), np.concatenate(leaders), np.concatenate(probabilities), float(matcher.threshold)
    )


_Batch = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


def _batches(
    matcher: Matcher,
    texts: Sequence[str],
    truth: NDArray[np.int64],
    size: int,
    progress: Progress,
) -> Iterator[_Batch]:
    for start in range(0, len(texts), size):
        asked = texts[start : start + size]
        odds = matcher.match(asked)
        if not np.isfinite(odds).all():
            # Comparisons with what is no number are all false, which would make every rank the first.
            raise StartupError("The model gives probabilities that are no numbers: train it again.")
        leaders = _leaders(odds)
        yield _ranks(odds, truth[start : start + size]), leaders, np.take_along_axis(odds, leaders, axis=1)
        progress("Asking questions", start + len(asked), len(texts))


def _places(originals: Sequence[Original], questions: Sequence[Duplicate]) -> list[int]:
    owners = Counter(original.answer_id for original in originals)
    places: dict[Id, int] = {original.answer_id: place for place, original in enumerate(originals)}
    for question in questions:
        if owners[question.answer_id] != 1:
            shared = owners[question.answer_id] or "no"
            raise StartupError(
                f"Question {question.id} has the AnswerId {question.answer_id!r}, which {shared} original questions "
                "of the model have: evaluate with questions of the FAQ that the model was trained on."
            )
    return [places[question.answer_id] for question in questions]


def _ranks(odds: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    known = np.flatnonzero(truth != NO_ORIGINAL)
    places = truth[known, None]
    odds = odds[known]
    own = np.take_along_axis(odds, places, axis=1)
    before = (odds > own) | ((odds == own) & (np.arange(odds.shape[1]) < places))
    ranks = np.zeros(len(truth), np.int64)
    ranks[known] = 1 + np.count_nonzero(before, axis=1)
    return ranks


def _leaders(odds: NDArray[np.float32]) -> NDArray[np.int64]:
    count = min(LEADERS, odds.shape[1])
    # All that equal the last leader stay in, so that the places decide which of them lead.
    least = np.partition(odds, -count, axis=1)[:, -count]
    leaders = np.empty((len(odds), count), np.int64)
    for row, (values, bound) in enumerate(zip(odds, least, strict=True)):
        places = np.flatnonzero(values >= bound)
        leaders[row] = places[np.argsort(-values[places], kind="stable")[:count]]
    return leaders
