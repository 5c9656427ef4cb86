"""What training gives: numbers, texts and facts, enough to answer questions, to be saved and to be added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from deployments.faq_matcher.calibration import Calibration
from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evidence import Evidence
from deployments.faq_matcher.recipe import Recipe


class EncoderFacts(BaseModel):
    """Which sentence encoder a model was trained with."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Its name or directory.")
    sha256: str = Field(description="SHA-256 of its weights.")


class HeldOutFacts(BaseModel):
    """How well questions were matched that took no part in training; what calibration is fitted to."""

    model_config = ConfigDict(frozen=True)

    questions: int = Field(description="How many; 0 where the FAQ has no duplicates, and the rest means nothing.")
    accuracy: float | None = Field(description="Share whose original came first.")
    mean_reciprocal_rank: float | None = Field(description="Mean of 1 / rank among the candidates.")


class Addition(BaseModel):
    """Originals and duplicates that joined the model after its training."""

    model_config = ConfigDict(frozen=True)

    added_at: datetime = Field(description="When.")
    originals: int = Field(description="How many originals.")
    duplicates: int = Field(description="How many duplicates.")


class TrainingFacts(BaseModel):
    """Where a model comes from."""

    model_config = ConfigDict(frozen=True)

    created_at: datetime = Field(description="When it was trained.")
    seconds: float = Field(description="How long that took.")
    command: str | None = Field(default=None, description="Command that trained it; null where it was no command.")
    data_fingerprint: str = Field(description="SHA-256 of the FAQ.")
    originals: int = Field(description="Original questions.")
    duplicates: int = Field(description="Other wordings.")
    answers: int = Field(description="Answers.")
    recipe: Recipe = Field(description="Settings of the training.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that took part.")
    encoder: EncoderFacts | None = Field(default=None, description="The sentence encoder, where one takes part.")
    held_out: HeldOutFacts = Field(description="What was measured while training.")
    additions: tuple[Addition, ...] = Field(default=(), description="What joined later.")


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained matcher.

    Attributes:
        originals: the questions that can be matched; their places are what the other parts count by.
        duplicates: other wordings of them.
        answers: the best answer to each original; None where there is none.
        evidence: what speaks for each original.
        calibration: how that becomes a probability.
        facts: where all this comes from.
    """

    originals: tuple[Original, ...]
    duplicates: tuple[Duplicate, ...]
    answers: tuple[str | None, ...]
    evidence: Evidence
    calibration: Calibration
    facts: TrainingFacts
