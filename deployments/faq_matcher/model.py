"""The FAQ matcher: which originals a question means, with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import Matches, ModelDescription, Question, Tensor
from deployments.errors import InvalidInput, InvalidText, ScoringError
from deployments.faq_matcher import storage
from deployments.faq_matcher.features import TfidfFeatures, has_words
from deployments.faq_matcher.learned import Learned

DEFAULT_MAX_TEXT_LENGTH = 100_000

# From how many originals for each wanted match it pays to select before sorting.
_SELECT_FROM = 16


class FaqModel:
    """A trained matcher that answers lists of questions.

    Args:
        learned: what training gave.
        max_text_length: characters that a question may have.
        default_top_k: matches where a question names no top_k; None for every original.
    """

    def __init__(
        self,
        learned: Learned,
        *,
        max_text_length: int = DEFAULT_MAX_TEXT_LENGTH,
        default_top_k: int | None = None,
    ) -> None:
        self.learned = learned
        self._max_text_length = max_text_length
        self._default_top_k = default_top_k
        self._features = TfidfFeatures(learned.vocabulary, learned.idf)
        self._ids = _objects([original.id for original in learned.originals])
        self._answer_ids = _objects([original.answer_id for original in learned.originals])

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
            StartupError: the directory holds no model, or one that is damaged or too new.
        """
        learned = storage.read(Path(directory))
        return cls(learned, max_text_length=max_text_length, default_top_k=default_top_k)

    def save(self, directory: Path | str) -> None:
        """Writes the model into a directory that is new or empty.

        Raises:
            FileExistsError: the directory holds something.
            OSError: it cannot be written.
        """
        storage.write(Path(directory), self.learned)

    def match(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities that texts mean the originals.

        Returns:
            (texts, originals) float32; each row sums to 1.
        """
        if not texts:
            return np.empty((0, len(self._ids)), np.float32)
        logits = self._features.transform(texts) @ self.learned.weights + self.learned.bias
        logits -= logits.max(axis=1, keepdims=True)
        odds: NDArray[np.float32] = np.exp(logits, out=logits)
        odds /= odds.sum(axis=1, keepdims=True)
        return odds

    def score(self, questions: Sequence[Question]) -> list[Matches | ScoringError]:
        """Ranks the originals for each question; a question that cannot be scored gets its own error."""
        refusals = [self._refusal(question) for question in questions]
        accepted = [question for question, refusal in zip(questions, refusals, strict=True) if refusal is None]
        probabilities = iter(self.match([question.text for question in accepted]))
        return [
            self._rank(next(probabilities), question.top_k) if refusal is None else refusal
            for question, refusal in zip(questions, refusals, strict=True)
        ]

    def describe(self) -> ModelDescription:
        """The model's tensors and where it comes from."""
        facts = self.learned.facts
        return ModelDescription(
            platform="sklearn",
            weights="trained",
            inputs=(Tensor("question", "BYTES", (-1,)),),
            outputs=(
                Tensor("ids", _datatype(self._ids), (-1, -1)),
                Tensor("answer_ids", _datatype(self._answer_ids), (-1, -1)),
                Tensor("probabilities", "FP32", (-1, -1)),
            ),
            parameters={
                "originals": facts.originals,
                "duplicates": facts.duplicates,
                "answers": facts.answers,
                "vocabulary": len(self.learned.vocabulary),
                "max_text_length": self._max_text_length,
                "data_sha256": facts.data_fingerprint,
                "trained_at": facts.created_at.isoformat(timespec="seconds"),
                "scikit-learn": facts.libraries["scikit-learn"],
            },
        )

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
        return None

    def _rank(self, probabilities: NDArray[np.float32], top_k: int | None) -> Matches:
        order = best_first(probabilities, top_k or self._default_top_k)
        return Matches(
            ids=self._ids[order].tolist(),
            answer_ids=self._answer_ids[order].tolist(),
            probabilities=probabilities[order].tolist(),
        )


def best_first(values: NDArray[np.float32], top_k: int | None) -> NDArray[np.intp]:
    """Places of the largest values, largest first, equal ones in the order of their places.

    Args:
        values: (n,) numbers.
        top_k: how many; None for all.
    """
    top_k = len(values) if top_k is None else min(top_k, len(values))
    if top_k * _SELECT_FROM > len(values):
        return np.argsort(-values, kind="stable")[:top_k]
    # All that equal the last one wanted stay in, so that which of them come along is decided by place.
    least = np.partition(values, -top_k)[-top_k]
    places = np.flatnonzero(values >= least)
    return places[np.argsort(-values[places], kind="stable")[:top_k]]


def _objects(values: Sequence[int | str]) -> NDArray[np.object_]:
    # Python's own objects, so that results need no conversion from NumPy's numbers.
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _datatype(ids: NDArray[np.object_]) -> str:
    return "INT64" if isinstance(ids[0], int) else "BYTES"
