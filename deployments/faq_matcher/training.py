"""Training: profiles of words and meaning, sharpened against each other, calibrated on questions held out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.encoder import Encoder, load_encoder
from deployments.faq_matcher.holding_out import calibrated, held_out_facts, held_out_questions
from deployments.faq_matcher.learned import EncoderFacts, HeldOutFacts, Learned, TrainingFacts
from deployments.faq_matcher.material import embeddings, evidence_of, material_of
from deployments.faq_matcher.progress import Progress, no_progress
from deployments.faq_matcher.recipe import LIBRARIES, SEMANTIC_LIBRARIES, Recipe
from deployments.faq_matcher.wordings import best_answers


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
    material = material_of(data, recipe, embeddings(data, recipe, encoder, progress), progress)
    held_out = held_out_questions(material, recipe, progress)
    calibration = calibrated(held_out, recipe)
    every = np.ones(len(material.texts.texts), np.bool_)
    progress("Sharpening profiles", 0, 0)
    evidence = evidence_of(material, every, recipe)
    facts = _facts(data, recipe, encoder, held_out_facts(held_out, calibration))
    facts = facts.model_copy(update={"seconds": round(time.perf_counter() - started, 3), "command": command})
    return Learned(data.originals, data.duplicates, best_answers(data), evidence, calibration, facts)


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
