"""What an original is known by: one sparse vector of the words of its wordings and answers, made to tell it apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from deployments.faq_matcher import kernels


@dataclass(frozen=True, slots=True)
class Index:
    """Profiles by feature, as scoring wants them: an inverted index.

    Attributes:
        starts: (features + 1,) int64, where each feature begins.
        places: (n,) int32 originals that have the feature.
        weights: (n,) float32 their weights.
        originals: how many originals there are.
    """

    starts: NDArray[np.int64]
    places: NDArray[np.int32]
    weights: NDArray[np.float32]
    originals: int

    def scores(self, columns: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Products of a sparse vector with each profile.

        Returns:
            (originals,) float32.
        """
        scores = np.zeros(self.originals, np.float32)
        kernels.add_products(self.starts, self.places, self.weights, columns, values, scores)
        return scores

    def profiles(self) -> csr_array:
        """The profiles again as rows, (originals, features)."""
        rows = csr_array((self.weights, self.places, self.starts), shape=(len(self.starts) - 1, self.originals))
        return sorted_rows(csr_array(rows.T))


def index(profiles: csr_array) -> Index:
    """Turns profiles, one a row, into an inverted index."""
    by_feature = profiles.tocsc()
    return Index(
        by_feature.indptr.astype(np.int64),
        by_feature.indices.astype(np.int32),
        by_feature.data.astype(np.float32),
        profiles.shape[0],
    )


def first_profiles(
    wordings: csr_array, owners: NDArray[np.int64], answers: csr_array, answer_weight: float
) -> csr_array:
    """Profiles before they are sharpened: the direction of an original's wordings together with that of its answers.

    Args:
        wordings: (wordings, features), rows of length 1 or 0.
        owners: (wordings,) the original that each belongs to.
        answers: (originals, features), rows of length 1 or 0.
        answer_weight: weight of the answer beside the wordings together.

    Returns:
        (originals, features) float32, rows of length 1 or 0.
    """
    shape = (answers.shape[0], wordings.shape[0])
    member = csr_array((np.ones(len(owners), np.float32), (owners, np.arange(len(owners)))), shape=shape)
    return unit_rows(unit_rows(member @ wordings) + answer_weight * answers)


def unit_rows(rows: csr_array) -> csr_array:
    """Rows scaled to length 1; empty ones stay empty."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scaled = diags_array((1 / np.where(lengths > 0, lengths, 1)).astype(np.float32)) @ rows
    return sorted_rows(csr_array(scaled))


def sorted_rows(rows: csr_array) -> csr_array:
    """The same rows with rising int32 columns and int64 starts, as the compiled loops want them."""
    rows.sum_duplicates()
    rows.sort_indices()
    return csr_array(
        (rows.data.astype(np.float32), rows.indices.astype(np.int32), rows.indptr.astype(np.int64)), shape=rows.shape
    )
