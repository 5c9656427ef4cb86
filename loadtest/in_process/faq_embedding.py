"""Sentence embeddings that each text is given once, however many methods and splits ask for it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.encoder import DEFAULT_ENCODER, load_encoder
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.wordings import answers_read

F32 = NDArray[np.float32]


class Embedding:
    """Embeds texts with the product's encoder; a single text on one thread, as it is asked.

    Attributes:
        spared: seconds that the texts taken from memory since `start` took when they were embedded, each text once.

    Raises:
        StartupError: the encoder is not there.
    """

    def __init__(self) -> None:
        recipe = Recipe()
        self.spared = 0.0
        self._counted: set[tuple[bool, str]] = set()
        self._one = load_encoder(DEFAULT_ENCODER)
        self._many = load_encoder(DEFAULT_ENCODER, threads=0)
        self._answer_tokens = recipe.answer_tokens
        self._answer_words = recipe.answer_words
        self._known: dict[tuple[bool, str], tuple[F32, float]] = {}

    def start(self) -> None:
        """Counts `spared` from 0."""
        self.spared = 0.0
        self._counted.clear()

    def of(self, texts: Sequence[str]) -> F32:
        """(texts, dimensions) rows of length 1."""
        return self._embed(texts, is_answer=False)

    def of_answers(self, data: FaqData) -> F32:
        """(originals, dimensions) of the answers as ours reads them; zeros where there is none."""
        texts = answers_read(data, self._answer_words)
        rows = np.zeros((len(texts), self._one.dimensions), np.float32)
        given = [place for place, text in enumerate(texts) if text]
        if given:
            rows[given] = self._embed([texts[place] for place in given], is_answer=True)
        return rows

    def forget(self, texts: Sequence[str]) -> None:
        """Makes the next question with one of the texts take its time again."""
        for text in texts:
            self._known.pop((False, text), None)

    def _embed(self, texts: Sequence[str], *, is_answer: bool) -> F32:
        wanted = dict.fromkeys((is_answer, text) for text in texts)
        new = [text for _, text in wanted if (is_answer, text) not in self._known]
        remembered = (wanted.keys() & self._known.keys()) - self._counted
        self.spared += sum(self._known[each][1] for each in remembered)
        self._counted |= wanted.keys()
        if new:
            encoder = self._one if len(new) == 1 and not is_answer else self._many
            started = time.perf_counter()
            rows = encoder.encode(new, max_tokens=self._answer_tokens if is_answer else None)
            each = (time.perf_counter() - started) / len(new)
            self._known |= {(is_answer, text): (row, each) for text, row in zip(new, rows, strict=True)}
        return np.stack([self._known[is_answer, text][0] for text in texts])
