"""Originals as sentence embeddings: what each means, and what each of its wordings means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher import kernels

BFloat16 = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Meanings:
    """Embeddings, kept as bfloat16: the upper halves of float32 numbers, exact to 0.4 %.

    Attributes:
        profiles: (originals, dimensions) wordings and answers of each original together; rows of length 1.
        wordings: (wordings, dimensions) each wording, by original; rows of length 1.
        starts: (originals + 1,) int64, where the wordings of each original begin.
    """

    profiles: BFloat16
    wordings: BFloat16
    starts: NDArray[np.int64]

    def similarities(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines of a text's embedding with each original's profile, (originals,)."""
        scores = np.zeros(len(self.profiles), np.float32)
        kernels.add_dense_products(self.profiles, embedding, scores)
        return scores

    def nearest(self, embedding: NDArray[np.float32], places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Cosines of a text's embedding with the nearest wording of each of some originals, (places,)."""
        ends = self.starts[places + 1]
        rows = np.concatenate([np.arange(*bounds) for bounds in zip(self.starts[places], ends, strict=True)])
        scores = np.zeros(len(rows), np.float32)
        kernels.add_dense_products(self.wordings[rows], embedding, scores)
        return np.maximum.reduceat(scores, np.concatenate([[0], np.cumsum(ends - self.starts[places])[:-1]]))


def meanings(
    wordings: NDArray[np.float32], owners: NDArray[np.int64], answers: NDArray[np.float32], answer_weight: float
) -> Meanings:
    """Embeddings of originals.

    Args:
        wordings: (wordings, dimensions), rows of length 1.
        owners: (wordings,) the original that each belongs to; every original has one.
        answers: (originals, dimensions), rows of length 1, or 0 for originals without an answer.
        answer_weight: weight of the answer beside the wordings together.
    """
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(len(answers) + 1))
    sums = np.add.reduceat(wordings[order], starts[:-1])
    return Meanings(
        to_bfloat16(unit(unit(sums) + answer_weight * answers)), to_bfloat16(wordings[order]), starts.astype(np.int64)
    )


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def to_bfloat16(values: NDArray[np.float32]) -> BFloat16:
    """The nearest bfloat16 numbers, as the upper halves of float32 numbers."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded: BFloat16 = ((bits.astype(np.uint64) + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return rounded


def from_bfloat16(values: BFloat16) -> NDArray[np.float32]:
    """The float32 numbers of which the upper halves are given."""
    widened: NDArray[np.float32] = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return widened
