"""A FAQ as numbers, and what any part of its wordings speaks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from deployments.errors import StartupError
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.encoder import Encoder
from deployments.faq_matcher.evidence import Evidence
from deployments.faq_matcher.features import Features, FeatureSettings, fit_features
from deployments.faq_matcher.meanings import Meanings, meanings
from deployments.faq_matcher.profiles import first_profiles, index
from deployments.faq_matcher.progress import Progress, no_progress
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.sharpening import Examples, sharpened
from deployments.faq_matcher.text import has_words
from deployments.faq_matcher.wordings import Wordings, answers_read, wordings


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
    if encoder is None:
        return None
    texts, answers = wordings(data.originals, data.duplicates), answers_read(data, recipe.answer_words)
    of_wordings = embed(encoder, texts.texts, "Embedding questions", progress)
    of_answers = np.zeros((len(answers), encoder.dimensions), np.float32)
    given = [place for place, answer in enumerate(answers) if answer]
    read = [answers[place] for place in given]
    of_answers[given] = embed(encoder, read, "Embedding answers", progress, max_tokens=recipe.answer_tokens)
    return Embeddings(of_wordings, of_answers)


def embed(
    encoder: Encoder, texts: list[str], step: str, progress: Progress, *, max_tokens: int | None = None
) -> NDArray[np.float32]:
    """Embeddings of texts, (texts, dimensions), telling of progress."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(step, done, len(texts))

    return encoder.encode(texts, count, max_tokens=max_tokens)


@dataclass(frozen=True, slots=True)
class Material:
    """A FAQ as numbers: whatever part of the wordings a model is made of, these stay the same."""

    texts: Wordings
    features: Features
    words: csr_array
    answer_words: csr_array
    embedded: Embeddings | None


def material_of(
    data: FaqData, recipe: Recipe, embedded: Embeddings | None = None, progress: Progress = no_progress
) -> Material:
    """Reads a FAQ.

    Args:
        data: the FAQ.
        recipe: what is a feature, and how much of an answer is read.
        embedded: what `embeddings` gives.
        progress: told of progress.

    Raises:
        StartupError: there is nothing to train from.
    """
    texts, answers = wordings(data.originals, data.duplicates), answers_read(data, recipe.answer_words)
    if not any(map(has_words, texts.texts)):
        raise StartupError("The FAQ has no question with letters or digits, so that there is nothing to train from.")
    settings = FeatureSettings(recipe.gram_lengths, recipe.head_weight, recipe.head_words)
    progress("Reading words", 0, 0)
    features = fit_features([*texts.texts, *filter(None, answers)], settings)
    words, answer_words = features.transform(texts.texts), features.transform(answers)
    return Material(texts, features, words, answer_words, embedded)


def evidence_of(material: Material, used: NDArray[np.bool_], recipe: Recipe) -> Evidence:
    """What speaks for each original, made of some of the wordings.

    Args:
        material: the FAQ.
        used: (wordings,) which of them take part; every original's own does.
        recipe: settings of the training.
    """
    owners, words = material.texts.owners[used], csr_array(material.words[used])
    profiles = first_profiles(words, owners, material.answer_words, recipe.answer_weight)
    profiles = sharpened(profiles, Examples(words, owners, material.texts.originals), recipe)
    return Evidence(material.features, index(profiles), _meanings(material, used, recipe))


def _meanings(material: Material, used: NDArray[np.bool_], recipe: Recipe) -> Meanings | None:
    embedded = material.embedded
    if embedded is None:
        return None
    owners = material.texts.owners[used]
    return meanings(embedded.wordings[used], owners, embedded.answers, recipe.answer_meaning_weight)
