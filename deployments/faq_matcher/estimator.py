"""The matcher as a scikit-learn classifier, for cross-validation, pipelines and searches over settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from deployments.faq_matcher.data import Duplicate, FaqData, Original
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train


class FaqClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Classifies texts by the original that they mean.

    Input is texts, not an array of numbers, so that scikit-learn's own `check_estimator` does not apply.

    Args:
        gram_lengths, head_weight, head_words, answer_weight, answer_words, encoder, answer_meaning_weight,
            answer_tokens, rounds, rate, rivals, sharpness, folds, wanted_precision, seed: as `Recipe` has them; None
            for its default.

    Attributes:
        classes_: (originals,) their labels, rising.
        model_: the trained matcher.
    """

    def __init__(
        self,
        *,
        gram_lengths: Sequence[int] | None = None,
        head_weight: float | None = None,
        head_words: int | None = None,
        answer_weight: float | None = None,
        answer_words: int | None = None,
        encoder: str | None = None,
        answer_meaning_weight: float | None = None,
        answer_tokens: int | None = None,
        rounds: int | None = None,
        rate: float | None = None,
        rivals: int | None = None,
        sharpness: float | None = None,
        folds: int | None = None,
        wanted_precision: float | None = None,
        seed: int | None = None,
    ) -> None:
        self.gram_lengths = gram_lengths
        self.head_weight = head_weight
        self.head_words = head_words
        self.answer_weight = answer_weight
        self.answer_words = answer_words
        self.encoder = encoder
        self.answer_meaning_weight = answer_meaning_weight
        self.answer_tokens = answer_tokens
        self.rounds = rounds
        self.rate = rate
        self.rivals = rivals
        self.sharpness = sharpness
        self.folds = folds
        self.wanted_precision = wanted_precision
        self.seed = seed

    def fit(self, X: Iterable[str], y: Iterable[Any], originals: Mapping[Any, str] | None = None) -> Self:  # noqa: N803
        """Trains a matcher.

        Args:
            X: texts.
            y: the label of each, all integers or all text: the id of its original.
            originals: text of each label's original; without, the first text of a label is its original.

        Raises:
            ValueError: texts and labels do not go together.
            pydantic.ValidationError: a setting is not what `Recipe` takes.
            StartupError: there is nothing to train from, or the sentence encoder is not there.
        """
        texts, labels = _texts(X), _labels(y)
        if len(texts) != len(labels):
            raise ValueError(f"There are {len(texts)} texts and {len(labels)} labels; there must be one for each.")
        self.classes_ = np.unique(np.array(labels))
        given = {name: value for name, value in self.get_params(deep=False).items() if value is not None}
        data = _data(texts, labels, self.classes_.tolist(), originals)
        self.model_ = FaqModel.of(
            train(data, Recipe.model_validate(given)), max_text_length=_ANY_LENGTH, default_top_k=None
        )
        return self

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float32]:  # noqa: N803
        """Probabilities of the labels, given that one of them is meant; `model_` tells whether none is.

        Returns:
            (texts, originals) float32, by the order of `classes_`; rows sum to 1.
        """
        check_is_fitted(self)
        probabilities = self.model_.match(_texts(X))
        shares: NDArray[np.float32] = probabilities / probabilities.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Iterable[str]) -> NDArray[Any]:  # noqa: N803
        """The most probable label of each text, (texts,)."""
        places = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[places]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


# A caller in the same process decides for itself what it asks.
_ANY_LENGTH = 2**62


def _texts(texts: Iterable[str]) -> list[str]:
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("The input must be a sequence of texts.")
    return [str(text) for text in texts]


def _labels(labels: Iterable[Any]) -> list[int | str]:
    values: list[Any] = np.asarray(list(labels)).tolist()
    if not (all(type(value) is int for value in values) or all(type(value) is str for value in values)):
        raise ValueError("Labels must be integers, or text, all of them.")
    return values


def _data(
    texts: Sequence[str], labels: Sequence[int | str], classes: Sequence[int | str], given: Mapping[Any, str] | None
) -> FaqData:
    first: dict[int | str, int] = {}
    if given is None:
        for place, label in enumerate(labels):
            first.setdefault(label, place)
    elif missing := [label for label in classes if label not in given]:
        raise ValueError(f"The label {missing[0]!r} has no text in `originals`.")
    originals = (texts[first[label]] if given is None else given[label] for label in classes)
    return FaqData(
        tuple(Original(label, label, text) for label, text in zip(classes, originals, strict=True)),
        tuple(
            Duplicate(place, label, text)
            for place, (text, label) in enumerate(zip(texts, labels, strict=True))
            if first.get(label) != place
        ),
    )
