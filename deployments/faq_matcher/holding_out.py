"""Questions held out of training: what calibration is fitted to, and what recipes are judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.calibration import START_BY_MEANING, START_BY_WORDS, Calibration, HeldOut, calibrate
from deployments.faq_matcher.evidence import CANDIDATES, Evidence, best_places
from deployments.faq_matcher.learned import HeldOutFacts
from deployments.faq_matcher.material import Material, evidence_of
from deployments.faq_matcher.progress import Progress, no_progress
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.wordings import Wordings

# Questions held out at most: calibration has a handful of numbers to fit.
_MOST_HELD_OUT = 5_000


def held_out_questions(material: Material, recipe: Recipe, progress: Progress = no_progress) -> HeldOut:
    """Evidence for duplicates, each from a model that was trained without it.

    The same questions come in the same order whatever the recipe, as long as its seed and folds are the same.

    Args:
        material: the FAQ.
        recipe: settings of the training.
        progress: told of progress.
    """
    kinds = 1 if material.embedded is None else 3
    held_out, parts = _parts(material.texts, recipe), []
    for number, part in enumerate(held_out):
        progress("Holding out questions", number, len(held_out))
        used = np.ones(len(material.texts.texts), np.bool_)
        used[part] = False
        evidence = evidence_of(material, used, recipe)
        parts += [_measured(material, evidence, place) for place in part.tolist()]
    if not parts:
        return HeldOut(np.zeros((0, 1, kinds)), np.zeros((0, 1), np.bool_))
    return HeldOut(np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts]))


def calibrated(held_out: HeldOut, recipe: Recipe) -> Calibration:
    """The calibration that questions held out speak for."""
    by_words = held_out.evidence.shape[2] == 1
    return calibrate(held_out, START_BY_WORDS if by_words else START_BY_MEANING, recipe.wanted_precision)


def held_out_facts(held_out: HeldOut, calibration: Calibration) -> HeldOutFacts:
    """How well the questions held out are matched."""
    if not len(held_out):
        return HeldOutFacts(questions=0, accuracy=None, mean_reciprocal_rank=None)
    weights = calibration.weights
    kinds = np.array([weights.words, weights.meaning, weights.nearest][: held_out.evidence.shape[2]])
    logits = held_out.logits(kinds)
    ranks = 1 + (logits[:, 1:] >= logits[:, :1]).sum(axis=1)
    return HeldOutFacts(
        questions=len(held_out),
        accuracy=round(float((ranks == 1).mean()), 4),
        mean_reciprocal_rank=round(float((1 / ranks).mean()), 4),
    )


def _parts(texts: Wordings, recipe: Recipe) -> list[NDArray[np.int64]]:
    """Duplicates in parts: each is held out once, or of very many one part of them."""
    drawn = np.random.default_rng(recipe.seed).permutation(texts.duplicates)
    if len(drawn) > _MOST_HELD_OUT:
        return [drawn[: min(_MOST_HELD_OUT, len(drawn) // recipe.folds)]]
    # Each original's duplicates are dealt out over the parts.
    dealt = drawn[np.argsort(texts.owners[drawn], kind="stable")]
    return [dealt[part :: recipe.folds] for part in range(min(recipe.folds, len(dealt)))]


def _measured(material: Material, evidence: Evidence, place: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Evidence for one wording's original and its rivals, by kind; the original comes first."""
    start, right = _start_of(evidence), int(material.texts.owners[place])
    row = slice(material.words.indptr[place], material.words.indptr[place + 1])
    words = evidence.index.scores(material.words.indices[row], material.words.data[row])
    embedding = None if material.embedded is None else material.embedded.wordings[place]
    logits = evidence.logits(words, embedding, start.weights)
    logits[right] = -np.inf
    rivals = best_places(logits, min(CANDIDATES, len(logits)) - 1) if len(logits) > 1 else np.empty(0, np.intp)
    places = np.concatenate([[right], rivals[rivals != right]]).astype(np.intp)
    kinds = [words[places]]
    if evidence.meanings is not None and embedding is not None:
        kinds += [evidence.meanings.similarities(embedding)[places], evidence.meanings.nearest(embedding, places)]
    measured = np.zeros((min(CANDIDATES, len(words)), len(kinds)))
    measured[: len(places)] = np.stack(kinds, axis=1)
    return measured, np.arange(len(measured)) < len(places)


def _start_of(evidence: Evidence) -> Calibration:
    return START_BY_WORDS if evidence.meanings is None else START_BY_MEANING
