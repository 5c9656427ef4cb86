"""Adding to a trained model without training it again.

New features join the vocabulary, and known ones keep their weights. A new original gets the profile that training
starts from, as long as sharpening made others: shorter ones would lose to these. An original with new wordings or
answers changes by as much as its first profile changes, so that what sharpening taught it stays. Calibration stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from deployments.faq_matcher.changes import Changes, changes
from deployments.faq_matcher.data import Answer, Duplicate, Original
from deployments.faq_matcher.encoder import Encoder
from deployments.faq_matcher.encoders import encoder_of
from deployments.faq_matcher.evidence import Evidence
from deployments.faq_matcher.features import Features, document_frequencies
from deployments.faq_matcher.learned import Addition, Learned
from deployments.faq_matcher.material import embed
from deployments.faq_matcher.meanings import Meanings, from_bfloat16, meanings, to_bfloat16
from deployments.faq_matcher.profiles import first_profiles, index, sorted_rows
from deployments.faq_matcher.progress import Progress, no_progress
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.union import Union, unite
from deployments.faq_matcher.wordings import Wordings

F32 = NDArray[np.float32]


def add(
    learned: Learned,
    originals: Sequence[Original] = (),
    duplicates: Sequence[Duplicate] = (),
    answers: Sequence[Answer] = (),
    encoder: Encoder | None = None,
    *,
    progress: Progress = no_progress,
) -> tuple[Learned, Changes]:
    """Adds to a model; what `read_additions` checks is taken for granted.

    Args:
        learned: the model; stays as it is.
        originals: new originals.
        duplicates: new wordings, of originals in the model or new ones.
        answers: new answers, to originals in the model or new ones.
        encoder: of the model, where it has one; loaded if None.
        progress: told of progress.

    Returns:
        The model with the additions, and what they changed.

    Raises:
        StartupError: the sentence encoder is not there, or is not the one that the model was trained with.
    """
    encoder = encoder or encoder_of(learned.facts, threads=0)
    union = unite(learned, originals, duplicates, answers)
    embedded = None if encoder is None else embed(encoder, union.new.texts, "Embedding questions", progress)
    progress("Adding", 0, 0)
    features = extended(learned.evidence.features, [*union.new.texts, *union.new_answers], union.documents)
    evidence = Evidence(features, index(_profiles(learned, features, union)), learned.evidence.meanings)
    if evidence.meanings is not None and encoder is not None and embedded is not None:
        evidence = replace(evidence, meanings=_meanings(learned, evidence.meanings, union, embedded, encoder))
    joined = Addition(added_at=datetime.now(UTC), originals=len(originals), duplicates=len(duplicates))
    facts = learned.facts.model_copy(update={"additions": (*learned.facts.additions, joined)})
    after = Learned(union.originals, union.duplicates, union.answers, evidence, learned.calibration, facts)
    progress("Comparing matches", 0, 0)
    return after, changes(learned, after, union, answers=len(answers), embedded=embedded)


def extended(features: Features, texts: Sequence[str], documents: int) -> Features:
    """A vocabulary with the features of further texts; those that it knows keep column and weight.

    Args:
        features: the vocabulary.
        texts: new texts.
        documents: how many texts there are with them.
    """
    hashes, frequencies = document_frequencies(texts, features.settings)
    new = ~np.isin(hashes, features.hashes)
    idf = (1 + np.log((1 + documents) / (1 + frequencies[new]))).astype(np.float32)
    return Features(
        np.concatenate([features.hashes, hashes[new]]), np.concatenate([features.idf, idf]), features.settings
    )


def _profiles(learned: Learned, features: Features, union: Union) -> csr_array:
    """The model's profiles, changed by as much as first profiles change."""
    saved = learned.evidence.index.profiles()
    saved.resize((len(union.originals), features.count))
    weight = learned.facts.recipe.answer_weight
    before = _first(features, union.before, union.touched, union.read_before, weight)
    after = _first(features, union.after, union.touched, union.read_after, weight)
    after = csr_array(diags_array(_lengths(saved, union)) @ after)
    rows = np.arange(len(union.touched))
    shape = (len(union.originals), len(union.touched))
    place = csr_array((np.ones(len(rows), np.float32), (union.touched, rows)), shape=shape)
    return sorted_rows(csr_array(saved + place @ (after - before)))


def _lengths(saved: csr_array, union: Union) -> F32:
    """How long first profiles are made, (touched,): new ones like the model's with, or without, duplicates."""
    known = union.before.originals
    own = np.sqrt(np.asarray(saved.multiply(saved).sum(axis=1)).ravel())[:known]
    had = np.bincount(union.before.owners, minlength=known) > 1
    has = np.bincount(union.after.owners)[union.touched] > 1
    lengths = np.ones(len(union.touched), np.float32)
    for kind in (False, True):
        if (had == kind).any():
            lengths[(union.touched >= known) & (has == kind)] = np.median(own[had == kind])
    return lengths


def _first(
    features: Features, texts: Wordings, touched: NDArray[np.int64], answers: Sequence[str], weight: float
) -> csr_array:
    """First profiles of some originals, (touched, features); rows of zeros for those that are not there yet."""
    used = np.isin(texts.owners, touched)
    words = features.transform([texts.texts[place] for place in np.flatnonzero(used).tolist()])
    owners = np.searchsorted(touched, texts.owners[used])
    return first_profiles(words, owners, features.transform([answers[place] for place in touched.tolist()]), weight)


def _meanings(learned: Learned, known: Meanings, union: Union, embedded: F32, encoder: Encoder) -> Meanings:
    """The model's embeddings with the new ones; profiles of originals that something joins are made again."""
    recipe = learned.facts.recipe
    owners = np.concatenate([np.repeat(np.arange(len(known.profiles)), np.diff(known.starts)), union.new.owners])
    order = np.argsort(owners, kind="stable")
    rows, owners = np.concatenate([known.wordings, to_bfloat16(embedded)])[order], owners[order]
    used, touched = np.isin(owners, union.touched), union.touched
    made = meanings(
        from_bfloat16(rows[used]),
        np.searchsorted(touched, owners[used]),
        _answer_embeddings([union.read_after[place] for place in touched.tolist()], encoder, recipe),
        recipe.answer_meaning_weight,
    )
    profiles = np.zeros((len(union.originals), embedded.shape[1]), np.uint16)
    profiles[: len(known.profiles)] = known.profiles
    profiles[touched] = made.profiles
    return Meanings(profiles, rows, np.searchsorted(owners, np.arange(len(union.originals) + 1)).astype(np.int64))


def _answer_embeddings(answers: Sequence[str], encoder: Encoder, recipe: Recipe) -> F32:
    embeddings = np.zeros((len(answers), encoder.dimensions), np.float32)
    given = [place for place, answer in enumerate(answers) if answer]
    embeddings[given] = encoder.encode([answers[place] for place in given], max_tokens=recipe.answer_tokens)
    return embeddings
