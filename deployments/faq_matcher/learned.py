"""What training gives: plain numbers and facts, enough to answer questions and to be saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from deployments.faq_matcher.data import Original


class TrainingFacts(BaseModel):
    """Where a model comes from."""

    model_config = ConfigDict(frozen=True)

    created_at: datetime = Field(description="When it was trained.")
    seconds: float = Field(description="How long that took.")
    data_fingerprint: str = Field(description="SHA-256 of the FAQ.")
    originals: int = Field(description="Original questions.")
    duplicates: int = Field(description="Other wordings.")
    answers: int = Field(description="Answers.")
    settings: dict[str, int | float] = Field(description="Settings of the training.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that took part.")


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained matcher: softmax(features @ weights + bias) over the originals.

    Attributes:
        originals: the questions that can be matched, in the order of the classes.
        vocabulary: features in the order of their columns.
        idf: (features,) float32, inverse document frequencies.
        weights: (features, originals) float32, C-contiguous, so that a question touches whole rows.
        bias: (originals,) float32.
        facts: where all this comes from.
    """

    originals: tuple[Original, ...]
    vocabulary: tuple[str, ...]
    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    facts: TrainingFacts
