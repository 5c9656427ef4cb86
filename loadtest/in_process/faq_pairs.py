"""Methods that judge pairs of a question and an original: the reference's, and reranking of our best candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from deployments.faq_matcher.calibration import START_BY_MEANING, START_BY_WORDS
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.evaluation.judging import Matcher
from deployments.faq_matcher.evidence import Evidence, best_first
from deployments.faq_matcher.meanings import meanings
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train
from deployments.faq_matcher.wordings import wordings
from loadtest.in_process.faq_embedding import Embedding
from loadtest.in_process.faq_methods import F32, Method, Scorer

# Originals that a duplicate is not of, for the one that it is of.
_NON_MATCHES = 20

# Trees split on one column at a time, of dense columns: of 50, 100, 124 and 300 directions of TF-IDF, 100 were best.
_DIRECTIONS = 100
_REFERENCE_TREES = 400

_RERANKED = 10
_FOLDS = 5
_RERANKING_TREES = 100

# Among originals that trees hold for equal, the one that came first stays so.
_TIE = np.float32(1e-6)


def reference(data: FaqData, seed: int) -> Matcher:
    """The reference's method: gradient boosting on both texts' TF-IDF side by side, trained on sampled pairs."""
    known, random = wordings(data.originals, data.duplicates), np.random.default_rng(seed)
    vectorizer = TfidfVectorizer().fit(known.texts)
    directions = min(_DIRECTIONS, len(vectorizer.vocabulary_))
    reduced = make_pipeline(vectorizer, TruncatedSVD(directions, random_state=seed))
    vectors = reduced.fit_transform(known.texts).astype(np.float32)
    of_originals = vectors[: known.originals]
    asking, compared, labels = _sampled_pairs(known.owners[known.duplicates], known.originals, random)
    trees = HistGradientBoostingClassifier(max_iter=_REFERENCE_TREES, early_stopping=False, random_state=seed)
    trees.fit(np.hstack([vectors[known.originals + asking], of_originals[compared]]), labels)

    def score(asked: Sequence[str]) -> F32:
        rows = np.repeat(reduced.transform(asked).astype(np.float32), known.originals, axis=0)
        pairs = np.hstack([rows, np.tile(of_originals, (len(asked), 1))])
        odds: F32 = trees.predict_proba(pairs)[:, 1].reshape(len(asked), -1).astype(np.float32)
        return odds

    return Scorer(data, score)


REFERENCE = Method("Reference's method, re-created", reference, needs_duplicates=True, is_probable=True)


def reranking(embedding: Embedding | None) -> Callable[[FaqData, int], Matcher]:
    """Our evidence finds candidates, gradient boosting on features of pairs puts them in order."""

    def fit(data: FaqData, seed: int) -> Matcher:
        place = {original.answer_id: place for place, original in enumerate(data.originals)}
        folds = np.random.default_rng(seed).permutation(len(data.duplicates)) % _FOLDS
        features, labels = [], []
        for fold in range(_FOLDS):
            known = [each for each, part in zip(data.duplicates, folds, strict=True) if part != fold]
            candidates = _Candidates(replace(data, duplicates=tuple(known)), seed, embedding)
            for duplicate in (each for each, part in zip(data.duplicates, folds, strict=True) if part == fold):
                _, places, pairs = candidates.of(duplicate.text)
                features.append(pairs)
                labels.append(places == place[duplicate.answer_id])
        trees = HistGradientBoostingClassifier(max_iter=_RERANKING_TREES, early_stopping=False, random_state=seed)
        trees.fit(np.concatenate(features), np.concatenate(labels))
        final = _Candidates(data, seed, embedding)
        return Scorer(data, lambda asked: np.stack([_reranked(final, trees, text) for text in asked]))

    return fit


def pair_methods(embedding: Embedding | None) -> list[Method]:
    """All that this module has."""
    found = [
        REFERENCE,
        Method("Reranking of pairs, lexical", reranking(None), needs_duplicates=True, is_probable=True),
    ]
    if embedding is None:
        return found
    fit = reranking(embedding)
    return [*found, Method("Reranking of pairs, semantic", fit, needs_duplicates=True, is_probable=True)]


def _sampled_pairs(
    owners: NDArray[np.int64], originals: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Duplicates' numbers, places of originals, whether they match: each duplicate's own original, then others."""
    count = min(_NON_MATCHES, originals - 1)
    # Numbers of the others are drawn as if the own one were not there.
    drawn = np.stack([random.choice(originals - 1, count, replace=False) for _ in owners])
    others = drawn + (drawn >= owners[:, None])
    compared = np.hstack([owners[:, None], others])
    labels = np.zeros(compared.shape, np.bool_)
    labels[:, 0] = True
    return np.repeat(np.arange(len(owners)), count + 1), compared.ravel(), labels.ravel()


class _Candidates:
    """The best originals for a question by our evidence, and what is known of each pair."""

    def __init__(self, data: FaqData, seed: int, embedding: Embedding | None) -> None:
        # Calibration takes no part.
        learned = train(data, Recipe(seed=seed, folds=2))
        known = wordings(data.originals, data.duplicates)
        self._embedding = embedding
        self._weights = (START_BY_WORDS if embedding is None else START_BY_MEANING).weights
        meant = None
        if embedding is not None:
            answers, weight = embedding.of_answers(data), Recipe().answer_meaning_weight
            meant = meanings(embedding.of(known.texts), known.owners, answers, weight)
        self._evidence = Evidence(learned.evidence.features, learned.evidence.index, meant)
        self._words = [_words(original.text) for original in data.originals]

    def of(self, text: str) -> tuple[F32, NDArray[np.intp], F32]:
        """Logits (originals,), places of the best, best first, and (best, features) of the pairs with them."""
        evidence = self._evidence
        words = evidence.words(text)
        embedding = None if self._embedding is None else self._embedding.of([text])[0]
        logits = evidence.logits(words, embedding, self._weights)
        places = best_first(logits, _RERANKED)
        kinds = [words[places]]
        if embedding is not None and evidence.meanings is not None:
            kinds += [evidence.meanings.similarities(embedding)[places], evidence.meanings.nearest(embedding, places)]
        gaps = [kind - kind.max() for kind in kinds]
        own = _words(text)
        overlaps = np.array([_overlap(own, self._words[place]) for place in places.tolist()], np.float32).T
        ranks, logit = np.arange(len(places), dtype=np.float32), logits[places]
        pairs: F32 = np.stack([*kinds, *gaps, ranks, logit, logit - logit[0], *overlaps], axis=1)
        return logits, places, pairs


def _reranked(candidates: _Candidates, trees: HistGradientBoostingClassifier, text: str) -> F32:
    """(originals,) probabilities of the candidates' pairs; the others below 0 in the order of their evidence."""
    logits, places, pairs = candidates.of(text)
    scores: F32 = (logits - logits.max() - 1).astype(np.float32)
    scores[places] = trees.predict_proba(pairs)[:, 1] - _TIE * np.arange(len(places))
    return scores


def _words(text: str) -> set[str]:
    return set(text.casefold().split())


def _overlap(asked: set[str], original: set[str]) -> tuple[float, float, float, float]:
    shared = len(asked & original)
    return len(asked), len(original), shared, shared / max(1, len(asked | original))
