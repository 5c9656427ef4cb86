"""The settings of training, apart from it: naming them must not import a model library."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

LIBRARIES = ("numpy", "scipy", "numba")
SEMANTIC_LIBRARIES = ("openvino", "tokenizers")

# Of single characters the compiled loops would make more features than they have room for.
GramLength = Annotated[int, Field(ge=2, le=100)]


class Recipe(BaseModel):
    """Everything but the data and the library versions that decides what a model becomes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gram_lengths: tuple[GramLength, ...] = Field(
        default=(3, 4), min_length=1, description="Lengths of the character n-grams within words, rising."
    )
    head_weight: float = Field(default=0.4, ge=0, le=10, description="Weight of a text's headline beside the whole.")
    head_words: int = Field(default=25, ge=1, le=1_000_000, description="Words that a headline has at most.")
    answer_weight: float = Field(
        default=1.0, ge=0, le=10, description="Weight of an answer's words beside those of its question."
    )
    answer_words: int = Field(default=400, ge=1, description="Words of an answer that are read.")
    encoder: str | None = Field(
        default=None, description="Sentence encoder, by name or directory; null to go by words alone."
    )
    answer_meaning_weight: float = Field(
        default=0.2, ge=0, le=10, description="Weight of an answer's embedding beside those of its question."
    )
    answer_tokens: int = Field(default=128, ge=1, description="Tokens of an answer that the sentence encoder reads.")
    rounds: int = Field(default=6, ge=0, le=1000, description="Passes over the examples that sharpen profiles.")
    rate: float = Field(default=0.25, gt=0, le=10, description="Length of a sharpening step in the first pass.")
    rivals: int = Field(default=30, ge=1, le=1000, description="Originals that an example is told apart from.")
    sharpness: float = Field(default=15.0, gt=0, le=1000, description="Factor of products in the sharpening softmax.")
    folds: int = Field(default=10, ge=2, le=100, description="Parts of the duplicates held out in turn to calibrate.")
    wanted_precision: float = Field(
        default=0.9, gt=0, lt=1, description="Share of matches that shall be right: decides the threshold."
    )
    seed: int = Field(default=0, ge=0, description="Decides folds and the order of examples.")

    @field_validator("gram_lengths")
    @classmethod
    def _rising(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if any(first >= second for first, second in pairwise(lengths)):
            raise ValueError("lengths must rise")
        return lengths
