"""Duplicates for training and for the test, apart by a hash of their ids: row order does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from deployments.faq_matcher.data import Id
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store


def hold_out(settings: PrepareSettings, store: Store) -> None:
    """Fills the table `held_out` with a share of each original's duplicates."""
    owned = store.execute("SELECT original_id, id FROM duplicates ORDER BY original_id, id")
    with store.inserting("INSERT INTO held_out VALUES (?)") as batch:
        for original, rows in groupby(owned, itemgetter(0)):
            for duplicate in choose(original, [row[1] for row in rows], settings.test_fraction, settings.seed):
                batch.add(duplicate)


def choose(original: Id, duplicates: Sequence[Id], fraction: float, seed: int) -> list[Id]:
    """Draws the duplicates of an original that are held out for the test.

    Where `fraction` of them is no whole number, the draw decides whether it is rounded up or down, such that over many
    originals the share is right: of a single duplicate, half of the originals give theirs at a fraction of 0.5.
    """
    count = int(fraction * len(duplicates) + _draw(seed, "original", original))
    return sorted(duplicates, key=lambda duplicate: _draw(seed, "duplicate", duplicate))[:count]


def _draw(seed: int, kind: str, row_id: Id) -> float:
    """A number from [0, 1) that depends on nothing but the arguments."""
    content = hashlib.blake2b(f"{seed} {kind} {row_id}".encode(), digest_size=6).digest()
    return int.from_bytes(content, "big") / 2**48
