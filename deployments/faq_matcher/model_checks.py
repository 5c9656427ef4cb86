"""Whether a model that was read fits together: compiled loops do not check the bounds of their arrays."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deployments.faq_matcher.evidence import Evidence
from deployments.faq_matcher.learned import Learned
from deployments.faq_matcher.meanings import Meanings

# Of a bfloat16 number: all ones for infinities and what is no number.
_EXPONENT = np.uint16(0x7F80)


def check(learned: Learned) -> None:
    """Checks shapes, types and bounds.

    Raises:
        ValueError: something is not what it should be; says what.
    """
    originals = len(learned.originals)
    _require(originals > 0, "there are no originals")
    _require(len(learned.answers) == originals, "answers and originals differ in number")
    answer_ids = {original.answer_id for original in learned.originals}
    _require(all(each.answer_id in answer_ids for each in learned.duplicates), "a duplicate has no original")
    calibration = learned.calibration
    numbers = (calibration.none, calibration.threshold, *astuple(calibration.weights))
    _require(np.isfinite(numbers).all(), "the calibration is no number")
    _check_words(learned.evidence, originals)
    if learned.evidence.meanings is not None:
        _check_meanings(learned.evidence.meanings, originals, originals + len(learned.duplicates))


def _check_words(evidence: Evidence, originals: int) -> None:
    features, index = evidence.features, evidence.index
    count = features.count
    _check(features.hashes, (count,), np.uint64)
    _check(features.idf, (count,), np.float32)
    _check_starts(index.starts, count, len(index.places))
    _check(index.places, (len(index.places),), np.int32)
    _check(index.weights, (len(index.places),), np.float32)
    if len(index.places):
        _require(index.places.min() >= 0 and index.places.max() < originals, "a place is no original")
    _require(np.isfinite(features.idf).all() and np.isfinite(index.weights).all(), "a weight is no number")


def _check_meanings(meanings: Meanings, originals: int, wordings: int) -> None:
    dimensions = meanings.profiles.shape[-1]
    _check(meanings.profiles, (originals, dimensions), np.uint16)
    _check(meanings.wordings, (wordings, dimensions), np.uint16)
    _check_starts(meanings.starts, originals, wordings)
    _require((np.diff(meanings.starts) > 0).all(), "an original has no wording")
    for rows in (meanings.profiles, meanings.wordings):
        _require(((rows & _EXPONENT) != _EXPONENT).all(), "an embedding is no number")


def _check_starts(starts: NDArray[np.int64], rows: int, total: int) -> None:
    _check(starts, (rows + 1,), np.int64)
    # Not by their differences, which wrap around.
    rising = (starts[1:] >= starts[:-1]).all()
    _require(starts[0] == 0 and starts[-1] == total and rising, "rows do not follow each other")


def _check(array: NDArray[Any], shape: tuple[int, ...], dtype: DTypeLike) -> None:
    _require(
        array.shape == shape and array.dtype == dtype, f"expected {shape} {dtype}, got {array.shape} {array.dtype}"
    )


def _require(fits: bool | np.bool_, problem: str) -> None:  # noqa: FBT001
    if not fits:
        raise ValueError(problem)
