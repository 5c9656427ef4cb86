"""The whole result of an evaluation, as JSON holds it and as the other forms are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from deployments.faq_matcher.data import Duplicate, Id, Original
from deployments.faq_matcher.evaluation.acceptance import CurvePoint, matched_curve, no_match_curve
from deployments.faq_matcher.evaluation.confusion import Confusion, confusions
from deployments.faq_matcher.evaluation.judging import Judgements
from deployments.faq_matcher.evaluation.metrics import Metrics, measure
from deployments.faq_matcher.evaluation.ranks import RankBar, rank_bars
from deployments.faq_matcher.evaluation.reliability import CalibrationBin, calibration_bins

Fact = str | int | float | bool | None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFacts(_Part):
    """What was asked."""

    fingerprint: str = Field(description="SHA-256 of originals, questions and strangers.")
    originals: int = Field(description="Originals that a question may mean.")
    questions: int = Field(description="Test questions that have an original.")
    strangers: int = Field(description="Questions that mean no original.")


class Candidate(_Part):
    """An original as an answer to a question."""

    id: Id = Field(description="Id of the original.")
    title: str = Field(description="First line of its text.")
    probability: float = Field(description="Probability that the question means it.")


class AskedQuestion(_Part):
    """A question and what the matcher made of it."""

    id: Id | None = Field(description="Id of the question; null for a stranger.")
    text: str = Field(description="Its text.")
    original: Id | None = Field(description="Id of the right original; null for a stranger.")
    rank: int | None = Field(description="Rank of the right original, from 1; null for a stranger.")
    matched: bool = Field(description="Whether the best probability reaches the threshold.")
    best: tuple[Candidate, ...] = Field(description="The best originals, best first; at most five.")


class ConfusedWith(_Part):
    """An original that another one's questions are taken for."""

    id: Id = Field(description="Id of the other original.")
    title: str = Field(description="First line of its text.")
    count: int = Field(description="Questions taken for it.")


class OriginalResult(_Part):
    """What became of the questions of one original."""

    id: Id = Field(description="Id of the original.")
    title: str = Field(description="First line of its text.")
    questions: int = Field(description="Its test questions.")
    right: int = Field(description="Those for which it is the best original, matched or not.")
    unmatched: int = Field(description="Those that are matched with nothing.")
    confused_with: tuple[ConfusedWith, ...] = Field(description="What the others are taken for, most frequent first.")
    strangers: int = Field(description="Strangers that are matched with it.")

    @property
    def errors(self) -> int:
        """Questions taken for another original, and strangers taken for this one."""
        return self.questions - self.right + self.strangers


class EvaluationReport(_Part):
    """The whole result."""

    format: Literal["ray-scoring-faq-evaluation"] = "ray-scoring-faq-evaluation"
    format_version: Literal[1] = 1
    created_at: datetime = Field(description="When it was evaluated.")
    model: dict[str, Fact] = Field(description="What is known of the model.")
    data: DataFacts
    threshold: float = Field(description="From which probability of the best original a question counts as matched.")
    metrics: Metrics
    ranks: tuple[RankBar, ...] = Field(description="Questions by the rank of their original.")
    calibration: tuple[CalibrationBin, ...] = Field(description="All questions by the probability of the best.")
    matched_curve: tuple[CurvePoint, ...] = Field(description="Precision and recall of answers over the threshold.")
    no_match_curve: tuple[CurvePoint, ...] = Field(description="The same of `no match`; empty without strangers.")
    originals: tuple[OriginalResult, ...] = Field(
        description="Originals with test questions or strangers, those with the most errors first."
    )
    questions: tuple[AskedQuestion, ...] = Field(description="Every question, then every stranger.")

    @property
    def confused(self) -> tuple[OriginalResult, ...]:
        """The originals with errors, those with the most first."""
        return tuple(each for each in self.originals if each.errors)


def build_report(
    judgements: Judgements,
    originals: Sequence[Original],
    questions: Sequence[Duplicate],
    strangers: Sequence[str] = (),
    *,
    model: Mapping[str, Fact],
    created_at: datetime | None = None,
) -> EvaluationReport:
    """Puts everything together.

    Args:
        judgements: of the questions, then of the strangers.
        originals: those of the matcher, in its order.
        questions: test questions.
        strangers: texts that mean none of the originals.
        model: what is known of the model.
        created_at: when it was evaluated; now, unless given.
    """
    return EvaluationReport(
        created_at=created_at or datetime.now(UTC),
        model=dict(model),
        data=_data_facts(originals, questions, strangers),
        threshold=judgements.threshold,
        metrics=measure(judgements),
        ranks=rank_bars(judgements.ranks[judgements.known], len(originals)),
        calibration=calibration_bins(judgements.confidences, judgements.right),
        matched_curve=matched_curve(judgements),
        no_match_curve=no_match_curve(judgements),
        originals=tuple(_original_result(each, originals) for each in confusions(judgements)),
        questions=_asked_questions(judgements, originals, questions, strangers),
    )


def _data_facts(originals: Sequence[Original], questions: Sequence[Duplicate], strangers: Sequence[str]) -> DataFacts:
    parts = [[astuple(each) for each in originals], [astuple(each) for each in questions], list(strangers)]
    return DataFacts(
        fingerprint=hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        originals=len(originals),
        questions=len(questions),
        strangers=len(strangers),
    )


def _original_result(confusion: Confusion, originals: Sequence[Original]) -> OriginalResult:
    original = originals[confusion.place]
    return OriginalResult(
        id=original.id,
        title=_title(original),
        questions=confusion.questions,
        right=confusion.right,
        unmatched=confusion.unmatched,
        confused_with=tuple(
            ConfusedWith(id=originals[place].id, title=_title(originals[place]), count=count)
            for place, count in confusion.confused_with
        ),
        strangers=confusion.strangers,
    )


def _asked_questions(
    judgements: Judgements, originals: Sequence[Original], questions: Sequence[Duplicate], strangers: Sequence[str]
) -> tuple[AskedQuestion, ...]:
    asked = [*((question.id, question.text) for question in questions), *((None, text) for text in strangers)]
    return tuple(
        AskedQuestion(
            id=id_,
            text=_encodable(text),
            original=originals[judgements.truth[row]].id if id_ is not None else None,
            rank=int(judgements.ranks[row]) or None,
            matched=bool(judgements.matched[row]),
            best=_candidates(judgements, row, originals),
        )
        for row, (id_, text) in enumerate(asked)
    )


def _candidates(judgements: Judgements, row: int, originals: Sequence[Original]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(id=originals[place].id, title=_title(originals[place]), probability=probability)
        for place, probability in zip(
            judgements.leaders[row].tolist(), judgements.probabilities[row].tolist(), strict=True
        )
    )


def _title(original: Original) -> str:
    # Whole texts, five to a question, would fill the file.
    return _encodable(original.text.partition("\n")[0].strip())


def _encodable(text: str) -> str:
    # JSON can bring halves of surrogate pairs, which no file in UTF-8 can hold.
    return text.encode("utf-8", "replace").decode()
