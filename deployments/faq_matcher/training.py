"""Training: profiles of words and meaning, sharpened against each other, calibrated on questions held out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from deployments.errors import StartupError
from deployments.faq_matcher.calibration import (
    START_BY_MEANING,
    START_BY_WORDS,
    Calibration,
    HeldOut,
    calibrate,
)
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.encoder import Encoder, load_encoder
from deployments.faq_matcher.evidence import CANDIDATES, Evidence, best_places
from deployments.faq_matcher.features import Features, FeatureSettings, fit_features
from deployments.faq_matcher.learned import EncoderFacts, HeldOutFacts, Learned, TrainingFacts
from deployments.faq_matcher.meanings import Meanings, meanings
from deployments.faq_matcher.profiles import first_profiles, index
from deployments.faq_matcher.recipe import LIBRARIES, SEMANTIC_LIBRARIES, Recipe
from deployments.faq_matcher.sharpening import Examples, sharpened
from deployments.faq_matcher.text import has_words
from deployments.faq_matcher.wordings import Wordings, answers_read, best_answers, wordings

# Questions held out at most: calibration has a handful of numbers to fit.
_MOST_HELD_OUT = 5_000

# Told what is being done, how much of it has been done and how much there is.
Progress = Callable[[str, int, int], None]


def no_progress(step: str, done: int, total: int) -> None:
    """For callers that do not want to know."""


def train(
    data: FaqData, recipe: Recipe | None = None, *, command: str | None = None, progress: Progress = no_progress
) -> Learned:
    """Trains a matcher; the same data, recipe, library versions and kind of processor give the same model.

    Args:
        data: the FAQ.
        recipe: settings of the training.
        command: what to write down as the command that trained the model.
        progress: told of progress.

    Raises:
        StartupError: there is nothing to train from, or the sentence encoder is not there.
    """
    started = time.perf_counter()
    recipe = recipe or Recipe()
    encoder = None if recipe.encoder is None else load_encoder(recipe.encoder, threads=0)
    material = _material(data, recipe, embeddings(data, recipe, encoder, progress), progress)
    held_out = _held_out(material, recipe, progress)
    calibration = calibrated(held_out, recipe)
    every = np.ones(len(material.texts.texts), np.bool_)
    progress("Sharpening profiles", 0, 0)
    evidence = _evidence(material, every, recipe)
    facts = _facts(data, recipe, encoder, held_out_facts(held_out, calibration))
    facts = facts.model_copy(update={"seconds": round(time.perf_counter() - started, 3), "command": command})
    return Learned(data.originals, data.duplicates, best_answers(data), evidence, calibration, facts)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What a sentence encoder makes of a FAQ.

    Attributes:
        wordings: (wordings, dimensions) of originals, then duplicates.
        answers: (originals, dimensions); zeros for originals without an answer.
    """

    wordings: NDArray[np.float32]
    answers: NDArray[np.float32]


def embeddings(
    data: FaqData, recipe: Recipe, encoder: Encoder | None, progress: Progress = no_progress
) -> Embeddings | None:
    """Embeds a FAQ, which takes most of the time of training; None without an encoder.

    Args:
        data: the FAQ.
        recipe: encoder, answer_words and answer_tokens are read.
        encoder: the recipe's.
        progress: told of progress.
    """
    if encoder is None or recipe.encoder is None:
        return None
    texts, answers = wordings(data.originals, data.duplicates), answers_read(data, recipe.answer_words)
    of_wordings = embed(encoder, texts.texts, "Embedding questions", progress)
    reader = load_encoder(recipe.encoder, threads=0, max_tokens=recipe.answer_tokens)
    of_answers = np.zeros((len(answers), encoder.dimensions), np.float32)
    given = [place for place, answer in enumerate(answers) if answer]
    of_answers[given] = embed(reader, [answers[place] for place in given], "Embedding answers", progress)
    return Embeddings(of_wordings, of_answers)


def held_out_questions(
    data: FaqData, recipe: Recipe, embedded: Embeddings | None = None, progress: Progress = no_progress
) -> HeldOut:
    """Evidence for duplicates, each from a model that was trained without it.

    The same questions come in the same order whatever the recipe, as long as its seed and folds are the same.

    Args:
        data: the FAQ.
        recipe: settings of the training.
        embedded: what `embeddings` gives.
        progress: told of progress.

    Raises:
        StartupError: there is nothing to train from.
    """
    return _held_out(_material(data, recipe, embedded, progress), recipe, progress)


def calibrated(held_out: HeldOut, recipe: Recipe) -> Calibration:
    """The calibration that questions held out speak for."""
    by_words = held_out.evidence.shape[2] == 1
    return calibrate(held_out, START_BY_WORDS if by_words else START_BY_MEANING, recipe.wanted_precision)


@dataclass(frozen=True, slots=True)
class _Material:
    """A FAQ as numbers: whatever part of the wordings a model is made of, these stay the same."""

    texts: Wordings
    features: Features
    words: csr_array
    answer_words: csr_array
    embedded: Embeddings | None


def _material(data: FaqData, recipe: Recipe, embedded: Embeddings | None, progress: Progress) -> _Material:
    texts, answers = wordings(data.originals, data.duplicates), answers_read(data, recipe.answer_words)
    if not any(map(has_words, texts.texts)):
        raise StartupError("The FAQ has no question with letters or digits, so that there is nothing to train from.")
    settings = FeatureSettings(recipe.gram_lengths, recipe.head_weight, recipe.head_words)
    progress("Reading words", 0, 0)
    features = fit_features([*texts.texts, *filter(None, answers)], settings)
    words, answer_words = features.transform(texts.texts), features.transform(answers)
    return _Material(texts, features, words, answer_words, embedded)


def embed(encoder: Encoder, texts: list[str], step: str, progress: Progress) -> NDArray[np.float32]:
    """Embeddings of texts, (texts, dimensions), telling of progress."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(step, done, len(texts))

    return encoder.encode(texts, count)


def _evidence(material: _Material, used: NDArray[np.bool_], recipe: Recipe) -> Evidence:
    """What speaks for each original, made of some of the wordings."""
    owners, words = material.texts.owners[used], csr_array(material.words[used])
    profiles = first_profiles(words, owners, material.answer_words, recipe.answer_weight)
    profiles = sharpened(profiles, Examples(words, owners, material.texts.originals), recipe)
    return Evidence(material.features, index(profiles), _meanings(material, used, recipe))


def _meanings(material: _Material, used: NDArray[np.bool_], recipe: Recipe) -> Meanings | None:
    embedded = material.embedded
    if embedded is None:
        return None
    owners = material.texts.owners[used]
    return meanings(embedded.wordings[used], owners, embedded.answers, recipe.answer_meaning_weight)


def _held_out(material: _Material, recipe: Recipe, progress: Progress) -> HeldOut:
    """Evidence for duplicates, each from a model without it."""
    kinds = 1 if material.embedded is None else 3
    held_out, parts = _parts(material.texts, recipe), []
    for number, part in enumerate(held_out):
        progress("Holding out questions", number, len(held_out))
        used = np.ones(len(material.texts.texts), np.bool_)
        used[part] = False
        evidence = _evidence(material, used, recipe)
        parts += [_measured(material, evidence, place) for place in part.tolist()]
    if not parts:
        return HeldOut(np.zeros((0, 1, kinds)), np.zeros((0, 1), np.bool_))
    return HeldOut(np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts]))


def _parts(texts: Wordings, recipe: Recipe) -> list[NDArray[np.int64]]:
    """Duplicates in parts: each is held out once, or of very many one part of them."""
    drawn = np.random.default_rng(recipe.seed).permutation(texts.duplicates)
    if len(drawn) > _MOST_HELD_OUT:
        return [drawn[: min(_MOST_HELD_OUT, len(drawn) // recipe.folds)]]
    # Each original's duplicates are dealt out over the parts.
    dealt = drawn[np.argsort(texts.owners[drawn], kind="stable")]
    return [dealt[part :: recipe.folds] for part in range(min(recipe.folds, len(dealt)))]


def _measured(material: _Material, evidence: Evidence, place: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
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


def _facts(data: FaqData, recipe: Recipe, encoder: Encoder | None, held_out: HeldOutFacts) -> TrainingFacts:
    libraries = LIBRARIES if encoder is None else LIBRARIES + SEMANTIC_LIBRARIES
    return TrainingFacts(
        created_at=datetime.now(UTC),
        seconds=0,
        data_fingerprint=data.fingerprint,
        originals=len(data.originals),
        duplicates=len(data.duplicates),
        answers=len(data.answers),
        recipe=recipe,
        libraries={library: version(library) for library in libraries},
        encoder=None if encoder is None else EncoderFacts(name=encoder.name, sha256=encoder.sha256),
        held_out=held_out,
    )
