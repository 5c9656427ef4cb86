"""Ways to match questions: ours, and those that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from deployments.faq_matcher.data import FaqData, Original
from deployments.faq_matcher.encoder import DEFAULT_ENCODER
from deployments.faq_matcher.evaluation.judging import Matcher
from deployments.faq_matcher.model import DEFAULT_MAX_TEXT_LENGTH, FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train
from deployments.faq_matcher.wordings import Wordings, answers_read, wordings
from loadtest.in_process.faq_embedding import Embedding

F32 = NDArray[np.float32]
Score = Callable[[Sequence[str]], F32]

# As much of the answers as ours reads.
ANSWER_WORDS = Recipe().answer_words

# Of 1, 10 and 100 on StackFAQ, none is right more often, and this one knows best how sure it is.
_WEIGHT_OF_EXAMPLES = 100.0


@dataclass(frozen=True, slots=True)
class Method:
    """One way to match.

    Attributes:
        name: for the table.
        fit: makes a matcher from a FAQ and a seed.
        needs_duplicates: cannot learn from originals alone.
        is_probable: its scores are probabilities.
        rejects: knows a threshold below which nothing matches.
    """

    name: str
    fit: Callable[[FaqData, int], Matcher]
    needs_duplicates: bool = False
    is_probable: bool = False
    rejects: bool = False


class Scorer:
    """A matcher that is nothing but a function.

    Args:
        data: the FAQ.
        score: gives (texts, originals) float32; larger is better.
    """

    threshold = 0.0

    def __init__(self, data: FaqData, score: Score) -> None:
        self.originals: Sequence[Original] = data.originals
        self._score = score

    def match(self, texts: Sequence[str]) -> F32:
        """The function's scores."""
        return self._score(texts)


def cosine_of_words(*, answers: bool) -> Callable[[FaqData, int], Matcher]:
    """Cosine of TF-IDF vectors, scikit-learn's defaults, with the nearest wording; the answers' cosine may be added."""

    def fit(data: FaqData, _: int) -> Matcher:
        known, texts = wordings(data.originals, data.duplicates), answers_read(data, ANSWER_WORDS)
        vectorizer = TfidfVectorizer().fit([*known.texts, *(texts if answers else [])])
        of_wordings, of_answers = vectorizer.transform(known.texts).T, vectorizer.transform(texts).T

        def score(asked: Sequence[str]) -> F32:
            vectors = vectorizer.transform(asked)
            nearest = nearest_wording((vectors @ of_wordings).toarray().astype(np.float32), known)
            of_answer: F32 = (vectors @ of_answers).toarray().astype(np.float32)
            return nearest + of_answer if answers else nearest

        return Scorer(data, score)

    return fit


def cosine_of_meaning(embedding: Embedding, *, answers: bool) -> Callable[[FaqData, int], Matcher]:
    """Cosine of sentence embeddings with the nearest wording; the answers' cosine may be added."""

    def fit(data: FaqData, _: int) -> Matcher:
        known = wordings(data.originals, data.duplicates)
        of_wordings, of_answers = embedding.of(known.texts).T, embedding.of_answers(data).T if answers else None

        def score(asked: Sequence[str]) -> F32:
            vectors = embedding.of(asked)
            nearest = nearest_wording(vectors @ of_wordings, known)
            return nearest if of_answers is None else nearest + vectors @ of_answers

        return Scorer(data, score)

    return fit


def regression_on_words(data: FaqData, seed: int) -> Matcher:
    """Multinomial logistic regression on TF-IDF of words and of character 3- to 5-grams."""
    known = wordings(data.originals, data.duplicates)
    features = make_union(
        TfidfVectorizer(sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )
    pipeline = make_pipeline(features, _regression(seed)).fit(known.texts, known.owners)
    return Scorer(data, lambda asked: pipeline.predict_proba(asked).astype(np.float32))


def regression_on_meaning(embedding: Embedding) -> Callable[[FaqData, int], Matcher]:
    """Multinomial logistic regression on sentence embeddings."""

    def fit(data: FaqData, seed: int) -> Matcher:
        known = wordings(data.originals, data.duplicates)
        model = _regression(seed).fit(embedding.of(known.texts), known.owners)
        return Scorer(data, lambda asked: model.predict_proba(embedding.of(asked)).astype(np.float32))

    return fit


def ours(encoder: str | None) -> Callable[[FaqData, int], Matcher]:
    """This product's matcher as it is trained by default."""

    def fit(data: FaqData, seed: int) -> Matcher:
        learned = train(data, Recipe(encoder=encoder, seed=seed))
        return FaqModel.of(learned, max_text_length=DEFAULT_MAX_TEXT_LENGTH, default_top_k=None)

    return fit


def our_methods(embedding: Embedding | None) -> list[Method]:
    """By words, and where there is an encoder, by meaning too."""
    lexical = Method("Ours, lexical", ours(None), is_probable=True, rejects=True)
    semantic = Method("Ours, semantic", ours(DEFAULT_ENCODER), is_probable=True, rejects=True)
    return [lexical] if embedding is None else [lexical, semantic]


def cosines(embedding: Embedding | None) -> list[Method]:
    """What one would write first."""
    of_words = [
        Method("TF-IDF cosine", cosine_of_words(answers=False)),
        Method("TF-IDF cosine, with answers", cosine_of_words(answers=True)),
    ]
    if embedding is None:
        return of_words
    return [
        *of_words,
        Method("MiniLM cosine", cosine_of_meaning(embedding, answers=False)),
        Method("MiniLM cosine, with answers", cosine_of_meaning(embedding, answers=True)),
    ]


def regressions(embedding: Embedding | None) -> list[Method]:
    """Linear classifiers, one class for each original."""
    of_words = Method("Logistic regression, TF-IDF", regression_on_words, needs_duplicates=True, is_probable=True)
    if embedding is None:
        return [of_words]
    fit = regression_on_meaning(embedding)
    return [of_words, Method("Logistic regression, MiniLM", fit, needs_duplicates=True, is_probable=True)]


def nearest_wording(scores: F32, known: Wordings) -> F32:
    """(texts, wordings) scores to (texts, originals): the greatest of each original's wordings."""
    order = np.argsort(known.owners, kind="stable")
    starts = np.searchsorted(known.owners[order], np.arange(known.originals))
    nearest: F32 = np.maximum.reduceat(scores[:, order], starts, axis=1)
    return nearest


def _regression(seed: int) -> LogisticRegression:
    return LogisticRegression(C=_WEIGHT_OF_EXAMPLES, max_iter=1000, random_state=seed)
