"""The FAQ matcher: which originals a question means, with probabilities, or that it means none of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import Explanation, Matches, ModelDescription, Question, Tensor
from deployments.errors import InvalidInput, InvalidText, ScoringError, StartupError
from deployments.faq_matcher import storage
from deployments.faq_matcher.data import Original
from deployments.faq_matcher.encoder import Encoder
from deployments.faq_matcher.encoders import encoder_of
from deployments.faq_matcher.evidence import best_first
from deployments.faq_matcher.explanation import explain
from deployments.faq_matcher.learned import Learned
from deployments.faq_matcher.text import has_words

DEFAULT_MAX_TEXT_LENGTH = 100_000

# Matches with answers or explanations: so many where a question names no top_k, and at most.
DETAILED = 10
MOST_DETAILED = 100


class FaqModel:
    """A trained matcher that answers lists of questions.

    Args:
        learned: what training gave.
        encoder: the sentence encoder that it was trained with; None where it was trained without.
        max_text_length: characters that a question may have.
        default_top_k: matches where a question names no top_k; None for every original.
    """

    def __init__(
        self,
        learned: Learned,
        encoder: Encoder | None = None,
        *,
        max_text_length: int = DEFAULT_MAX_TEXT_LENGTH,
        default_top_k: int | None = None,
    ) -> None:
        self.learned = learned
        self._encoder = encoder
        self._max_text_length = max_text_length
        self._default_top_k = default_top_k
        self._ids = _objects([original.id for original in learned.originals])
        self._answer_ids = _objects([original.answer_id for original in learned.originals])

    @classmethod
    def of(cls, learned: Learned, *, max_text_length: int, default_top_k: int | None) -> FaqModel:
        """The model of what was learned, with its sentence encoder.

        Raises:
            StartupError: the encoder is not there, or is not the one that the model was trained with.
        """
        encoder = encoder_of(learned.facts)
        known = learned.evidence.meanings
        if encoder is not None and known is not None and known.profiles.shape[1] != encoder.dimensions:
            raise StartupError(f"The FAQ model was not trained with {encoder.name}: train it again.")
        return cls(learned, encoder, max_text_length=max_text_length, default_top_k=default_top_k)

    @classmethod
    def load(
        cls,
        directory: Path | str,
        *,
        max_text_length: int = DEFAULT_MAX_TEXT_LENGTH,
        default_top_k: int | None = None,
    ) -> FaqModel:
        """Reads a saved model.

        Raises:
            StartupError: the directory holds no model, or one that is damaged or too new, or its encoder is missing.
        """
        learned = storage.read(Path(directory))
        return cls.of(learned, max_text_length=max_text_length, default_top_k=default_top_k)

    def save(self, directory: Path | str) -> None:
        """Writes the model into a directory that is new or empty.

        Raises:
            FileExistsError: the directory holds something.
            OSError: it cannot be written.
        """
        storage.write(Path(directory), self.learned)

    @property
    def originals(self) -> Sequence[Original]:
        """The questions that can be matched, in the order of `match`."""
        return self.learned.originals

    @property
    def threshold(self) -> float:
        """The best original is a match from this probability on, by the precision that training was asked for."""
        return self.learned.calibration.threshold

    def match(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities that texts mean the originals.

        Returns:
            (texts, originals) float32; what is missing from 1 in a row is the probability that none is meant.
        """
        logits = self._logits(texts)
        if not logits:
            return np.empty((0, len(self._ids)), np.float32)
        return np.stack([self.learned.calibration.probabilities(row) for row in logits])

    def score(self, questions: Sequence[Question]) -> list[Matches | ScoringError]:
        """Ranks the originals for each question; a question that cannot be scored gets its own error."""
        refusals = [self._refusal(question) for question in questions]
        accepted = [question for question, refusal in zip(questions, refusals, strict=True) if refusal is None]
        logits = iter(self._logits([question.text for question in accepted]))
        return [
            self._answer(question, next(logits)) if refusal is None else refusal
            for question, refusal in zip(questions, refusals, strict=True)
        ]

    def describe(self) -> ModelDescription:
        """The model's tensors and where it comes from."""
        facts = self.learned.facts
        return ModelDescription(
            platform="numba",
            weights="trained",
            inputs=(Tensor("question", "BYTES", (-1,)),),
            outputs=(
                Tensor("ids", _datatype(self._ids), (-1, -1)),
                Tensor("answer_ids", _datatype(self._answer_ids), (-1, -1)),
                Tensor("probabilities", "FP32", (-1, -1)),
                Tensor("matched", "BOOL", (-1,)),
            ),
            parameters={
                "originals": len(self.learned.originals),
                "duplicates": len(self.learned.duplicates),
                "answers": sum(answer is not None for answer in self.learned.answers),
                "features": self.learned.evidence.features.count,
                "threshold": round(self.threshold, 4),
                "encoder": "none" if facts.encoder is None else facts.encoder.name,
                "max_text_length": self._max_text_length,
                "data_sha256": facts.data_fingerprint,
                "trained_at": facts.created_at.isoformat(timespec="seconds"),
            },
        )

    def _logits(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        evidence, weights = self.learned.evidence, self.learned.calibration.weights
        if self._encoder is None:
            return [evidence.logits(evidence.words(text), None, weights) for text in texts]
        embeddings = self._encoder.encode(texts)
        return [
            evidence.logits(evidence.words(text), embedding, weights)
            for text, embedding in zip(texts, embeddings, strict=True)
        ]

    def _refusal(self, question: Question) -> ScoringError | None:
        length = len(question.text)
        if length > self._max_text_length:
            return InvalidText(f"The question has {length} characters; at most {self._max_text_length} are allowed.")
        if not question.text.strip():
            return InvalidText("The question is empty.")
        if not has_words(question.text):
            return InvalidText("The question has no letters or digits.")
        if question.top_k is not None and question.top_k < 1:
            return InvalidInput(f"top_k is {question.top_k}; it must be at least 1.")
        if (question.explain or question.answers) and (question.top_k or 0) > MOST_DETAILED:
            return InvalidInput(
                f"top_k is {question.top_k}; with answers or explain it may be at most {MOST_DETAILED}."
            )
        return None

    def _answer(self, question: Question, logits: NDArray[np.float32]) -> Matches:
        known = logits.copy() if question.explain else logits
        probabilities = self.learned.calibration.probabilities(logits)
        order = best_first(probabilities, self._rows(question))
        least = question.threshold if isinstance(question.threshold, float | int) else self.threshold
        matched = bool(probabilities[order[0]] >= least)
        if question.threshold is not None:
            order = order[probabilities[order] >= least]
        return Matches(
            ids=self._ids[order].tolist(),
            answer_ids=self._answer_ids[order].tolist(),
            probabilities=probabilities[order].tolist(),
            matched=matched,
            answers=[self.learned.answers[place] for place in order.tolist()] if question.answers else None,
            explanations=self._explanations(question.text, order, known) if question.explain else None,
        )

    def _rows(self, question: Question) -> int | None:
        top_k = question.top_k or self._default_top_k
        if not (question.explain or question.answers):
            return top_k
        return DETAILED if top_k is None else min(top_k, MOST_DETAILED)

    def _explanations(self, text: str, places: NDArray[np.intp], logits: NDArray[np.float32]) -> list[Explanation]:
        return explain(self.learned.evidence, self.learned.calibration, text, places.tolist(), logits)


def _objects(values: Sequence[int | str]) -> NDArray[np.object_]:
    # Python's own objects, so that results need no conversion from NumPy's numbers.
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _datatype(ids: NDArray[np.object_]) -> str:
    return "INT64" if all(isinstance(each, int) for each in ids) else "BYTES"
