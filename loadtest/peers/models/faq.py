"""The FAQ as one scikit-learn object: the same file in every peer, and in ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np

TOP_K = 3

Match = tuple[Any, Any, float]


class Faq:
    """A pipeline of scikit-learn that scores every original for a question.

    Args:
        file: written by joblib: `pipeline`, and for each of its classes one of `ids` and one of `answer_ids`.
    """

    def __init__(self, file: Path | str) -> None:
        # A pickle: the benchmark has written it itself.
        saved = joblib.load(file)
        self._pipeline = saved["pipeline"]
        self.ids: list[Any] = saved["ids"]
        self.answer_ids: list[Any] = saved["answer_ids"]

    def match(self, texts: Sequence[str], top_k: int = TOP_K) -> list[list[Match]]:
        """Return for each question the best originals: id, answer's id, probability; best first."""
        found = []
        for row in self._pipeline.predict_proba(list(texts)):
            places = np.argsort(-row, kind="stable")[:top_k]
            found.append([(self.ids[place], self.answer_ids[place], float(row[place])) for place in places.tolist()])
        return found
