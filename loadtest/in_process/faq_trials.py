"""Trains methods, asks them and measures: how often they are right, how sure they are, how long it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.evaluation.judging import Judgements, Matcher, judge
from deployments.faq_matcher.evaluation.metrics import Metrics, measure
from loadtest.in_process.faq_embedding import Embedding
from loadtest.in_process.faq_methods import Method
from loadtest.in_process.faq_sets import Task

# Questions that are timed, one at a time.
_TIMED = 40

# Below every score that a method gives.
_LAST = np.float32(-1e6)


@dataclass(frozen=True, slots=True)
class Trial:
    """One method on one task.

    Attributes:
        metrics: of the questions that have an original.
        with_strangers: of all, by where the strangers are from.
        training_seconds: embedding of texts included.
        question_ms: median over single questions.
        is_probable: whether its scores are probabilities.
        wrong: questions whose best original is another: question, original, what was taken for it, its score.
    """

    metrics: Metrics
    with_strangers: Mapping[str, Metrics]
    training_seconds: float
    question_ms: float
    is_probable: bool
    wrong: Sequence[tuple[str, str, str, float]] = field(default=(), repr=False)


def run(method: Method, task: Task, embedding: Embedding | None) -> Trial:
    """Trains a method, asks it, and times it.

    Raises:
        StartupError: there is nothing to train from or to ask.
    """
    matcher, seconds = _fitted(method, task.data, task.seed, embedding)
    matcher = _NotItself(matcher, task.own) if task.own else matcher
    strangers = [text for texts in task.strangers.values() for text in texts] if method.rejects else []
    judged = judge(matcher, task.asked, strangers)
    asked = np.arange(len(judged.truth)) < len(task.asked)
    return Trial(
        measure(_part(judged, asked)),
        _by_source(judged, task) if method.rejects else {},
        seconds,
        _question_ms(matcher, task, embedding),
        # What a text's own original takes of the probability, the others lack.
        method.is_probable and not task.own,
        _wrong(judged, task),
    )


class _NotItself:
    """A matcher for which a text that is an original's own is never that original's.

    Args:
        matcher: who answers.
        own: place of the original that has a text.
    """

    def __init__(self, matcher: Matcher, own: Mapping[str, int]) -> None:
        self.originals = matcher.originals
        self.threshold = matcher.threshold
        self._matcher = matcher
        self._own = own

    def match(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The matcher's scores, with the last place for texts themselves."""
        scores = self._matcher.match(texts)
        for row, text in enumerate(texts):
            if text in self._own:
                scores[row, self._own[text]] = _LAST
        return scores


# A dump's questions are asked in two ways of the same matchers.
@lru_cache(maxsize=6)
def _fitted(method: Method, data: FaqData, seed: int, embedding: Embedding | None) -> tuple[Matcher, float]:
    if embedding is not None:
        embedding.start()
    started = time.perf_counter()
    matcher = method.fit(data, seed)
    seconds = time.perf_counter() - started
    return matcher, seconds if embedding is None else seconds + embedding.spared


def _question_ms(matcher: Matcher, task: Task, embedding: Embedding | None) -> float:
    texts = [question.text for question in task.asked[:_TIMED]]
    if embedding is not None:
        embedding.forget(texts)
    samples = []
    for text in dict.fromkeys(texts):
        started = time.perf_counter()
        matcher.match([text])
        samples.append(time.perf_counter() - started)
    return float(np.median(samples)) * 1e3


def _by_source(judged: Judgements, task: Task) -> dict[str, Metrics]:
    """Metrics of the questions together with the strangers of each source."""
    places, start = np.arange(len(judged.truth)), len(task.asked)
    found = {}
    for source, texts in task.strangers.items():
        own = (places >= start) & (places < start + len(texts))
        found[source] = measure(_part(judged, own | (places < len(task.asked))))
        start += len(texts)
    return found


def _part(judged: Judgements, kept: NDArray[np.bool_]) -> Judgements:
    return Judgements(
        judged.truth[kept], judged.ranks[kept], judged.leaders[kept], judged.probabilities[kept], judged.threshold
    )


def _wrong(judged: Judgements, task: Task) -> list[tuple[str, str, str, float]]:
    originals = task.data.originals
    return [
        (
            question.text,
            originals[judged.truth[place]].text,
            originals[judged.leaders[place, 0]].text,
            float(judged.confidences[place]),
        )
        for place, question in enumerate(task.asked)
        if judged.ranks[place] != 1
    ]
