"""What a user may set about the FAQ matcher."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FaqMatcherSettings(BaseModel):
    """Where the model comes from and what it accepts.

    With neither `model_dir` nor `questions`, the product's own sample FAQ is served.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_dir: str | None = Field(
        default=None, min_length=1, description="Directory of a model saved by `scoring faq train`."
    )
    questions: str | None = Field(
        default=None,
        min_length=1,
        description="TSV of original questions (Id, AnswerId, Text0) to train from at start.",
    )
    duplicates: str | None = Field(
        default=None,
        min_length=1,
        description="TSV of other wordings (Id, AnswerId, Text0); AnswerId is that of the original.",
    )
    answers: str | None = Field(default=None, min_length=1, description="TSV of answers (Id, QuestionId, Text0).")
    encoder: str | None = Field(
        default=None,
        min_length=1,
        description="Sentence encoder for the model trained at start, as in `all-MiniLM-L6-v2`; needs the extra "
        "`semantic`. A saved model knows its own.",
    )
    max_text_length: int = Field(default=100_000, ge=1, description="Characters that a question may have.")
    default_top_k: int | None = Field(
        default=None, ge=1, description="Matches returned where a request names no top_k; null for every original."
    )

    @model_validator(mode="after")
    def _one_source(self) -> FaqMatcherSettings:
        given = [key for key in ("questions", "duplicates", "answers", "encoder") if getattr(self, key) is not None]
        if self.model_dir is not None and given:
            raise ValueError(
                f"model_dir and {', '.join(given)} exclude each other: name a trained model or the files to train from"
            )
        needing = [key for key in given if key in {"duplicates", "answers"}]
        if self.questions is None and needing:
            raise ValueError(f"questions is required where {' or '.join(needing)} is given")
        return self
