"""Training: TF-IDF and multinomial logistic regression with one class for each original."""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from deployments.errors import StartupError
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.features import grams, has_words
from deployments.faq_matcher.learned import Learned, TrainingFacts
from deployments.faq_matcher.recipe import LIBRARIES, MAX_ITERATIONS, MAX_WEIGHTS, REGULARIZATION, recipe


def train(data: FaqData) -> Learned:
    """Trains a matcher; the same data, settings and library versions give the same model.

    Raises:
        StartupError: there is nothing to train from.
    """
    started = time.perf_counter()
    pipeline = fit(data)
    vectorizer: TfidfVectorizer = pipeline.named_steps["tfidf"]
    weights, bias = _weights(pipeline)
    return Learned(
        originals=data.originals,
        vocabulary=tuple(str(term) for term in vectorizer.get_feature_names_out()),
        idf=vectorizer.idf_.astype(np.float32),
        weights=weights,
        bias=bias,
        facts=_facts(data, time.perf_counter() - started),
    )


def fit(data: FaqData) -> Pipeline:
    """Fits the scikit-learn pipeline; class i is the i-th original, whose own text is an example of it.

    With a single original there is nothing to tell apart: the pipeline then has no classifier.
    """
    texts, classes = _examples(data)
    steps = [("tfidf", _vectorizer(len(data.originals)))]
    if len(data.originals) > 1:
        steps.append(("classifier", LogisticRegression(C=REGULARIZATION, max_iter=MAX_ITERATIONS)))
    with warnings.catch_warnings():
        # Said where most classes have one example: that is what an original without duplicates is.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return Pipeline(steps).fit(texts, classes)


def _examples(data: FaqData) -> tuple[list[str], list[int]]:
    class_of = {original.answer_id: index for index, original in enumerate(data.originals)}
    texts = [original.text for original in data.originals] + [duplicate.text for duplicate in data.duplicates]
    if not any(map(has_words, texts)):
        raise StartupError("The FAQ has no question with letters or digits, so that there is nothing to train from.")
    classes = list(range(len(data.originals)))
    return texts, classes + [class_of[duplicate.answer_id] for duplicate in data.duplicates]


def _vectorizer(originals: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=grams, sublinear_tf=True, dtype=np.float32, max_features=MAX_WEIGHTS // originals or 1
    )


def _weights(pipeline: Pipeline) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    classifier = pipeline.named_steps.get("classifier")
    if classifier is None:
        features = len(pipeline.named_steps["tfidf"].vocabulary_)
        return np.zeros((features, 1), np.float32), np.zeros(1, np.float32)
    weights, bias = classifier.coef_, classifier.intercept_
    if len(bias) == 1:
        # Of two classes scikit-learn keeps one row, for a sigmoid; a softmax wants both.
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.append(0, bias)
    return np.ascontiguousarray(weights.T, np.float32), bias.astype(np.float32)


def _facts(data: FaqData, seconds: float) -> TrainingFacts:
    return TrainingFacts(
        created_at=datetime.now(UTC),
        seconds=round(seconds, 3),
        data_fingerprint=data.fingerprint,
        originals=len(data.originals),
        duplicates=len(data.duplicates),
        answers=len(data.answers),
        settings=recipe(),
        libraries={library: version(library) for library in LIBRARIES},
    )
