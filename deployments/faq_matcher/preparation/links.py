"""Chains of duplicates, followed to the question at their end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Chains:
    """Where links lead in the end.

    Attributes:
        roots: (n,) int64, the original at the end of each link's chain.
        broken: (n,) bool, links that were cut because they close a circle; their duplicates are roots.
    """

    roots: NDArray[np.int64]
    broken: NDArray[np.bool_]


def follow(duplicates: NDArray[np.int64], originals: NDArray[np.int64]) -> Chains:
    """Follows duplicates of duplicates.

    Of a circle, the question with the lowest id becomes the original of all others.

    Args:
        duplicates: (n,) ids in ascending order, each once.
        originals: (n,) ids of what each is a duplicate of.
    """
    places = np.searchsorted(duplicates, originals)
    places[places == len(duplicates)] = 0
    continues = duplicates[places] == originals if len(duplicates) else np.zeros(0, np.bool_)
    broken = np.zeros(len(duplicates), np.bool_)
    for circle in _circles(_ends(places, continues), places, continues):
        broken[min(circle)] = True
    continues &= ~broken[places]
    roots = originals[_ends(places, continues)]
    return Chains(np.where(broken, duplicates, roots), broken)


def _ends(places: NDArray[np.int64], continues: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The last link of each link's chain; in a circle, some link of it."""
    ends = np.where(continues, places, np.arange(len(places)))
    # Each round doubles the steps taken, so that no chain is too long.
    for _ in range(len(places).bit_length()):
        ends = ends[ends]
    return ends


def _circles(ends: NDArray[np.int64], places: NDArray[np.int64], continues: NDArray[np.bool_]) -> list[list[int]]:
    circles: list[list[int]] = []
    seen: set[int] = set()
    for start in np.unique(ends[continues[ends]]).tolist():
        circle: list[int] = []
        link = start
        while link not in seen:
            seen.add(link)
            circle.append(link)
            link = int(places[link])
        if circle:
            circles.append(circle)
    return circles
