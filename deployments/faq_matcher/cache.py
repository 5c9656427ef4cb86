"""Trained once: models of FAQs that are trained at start, kept by what they are trained from."""

from __future__ import annotations

import hashlib
import json
import logging
from importlib.metadata import version
from pathlib import Path

from deployments.cache_root import cache_root
from deployments.errors import StartupError
from deployments.faq_matcher import storage
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.encoder import weights_sha256
from deployments.faq_matcher.learned import Learned
from deployments.faq_matcher.recipe import LIBRARIES, SEMANTIC_LIBRARIES, Recipe

logger = logging.getLogger(__name__)


def cache_key(data: FaqData, recipe: Recipe) -> str:
    """SHA-256 of all that decides what a model becomes, in hexadecimal.

    Raises:
        StartupError: the sentence encoder is not there.
    """
    libraries = LIBRARIES if recipe.encoder is None else LIBRARIES + SEMANTIC_LIBRARIES
    parts = {
        "data": data.fingerprint,
        "format": storage.FORMAT_VERSION,
        "recipe": recipe.model_dump(),
        # Other weights may come to have the same name.
        "encoder": None if recipe.encoder is None else weights_sha256(recipe.encoder),
        "libraries": {library: version(library) for library in libraries},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def trained(data: FaqData, recipe: Recipe) -> Learned:
    """The model of a FAQ: from the cache, else trained and kept there.

    Processes may do this at the same time: each trains, the first to finish is kept. A cache that cannot be
    written costs the next start its training and nothing else.
    """
    entry = cache_root("faq") / cache_key(data, recipe)
    kept = _kept(entry)
    return _train_and_keep(data, recipe, entry) if kept is None else kept


def _kept(entry: Path) -> Learned | None:
    if not entry.exists():
        return None
    try:
        return storage.read(entry)
    except StartupError as error:
        logger.warning("The FAQ model is trained again: %s", error)
        return None


def _train_and_keep(data: FaqData, recipe: Recipe, entry: Path) -> Learned:
    # Not needed, and slow to import, where the model is in the cache.
    from deployments.faq_matcher.training import train  # noqa: PLC0415

    damaged = entry.exists()
    learned = train(data, recipe)
    try:
        storage.write(entry, learned, replace=damaged)
    except OSError as error:
        winner = _kept(entry)
        if winner is not None:
            return winner
        logger.warning("The FAQ model cannot be kept in %s: %s.", entry.parent, error.strerror or error)
    return learned
