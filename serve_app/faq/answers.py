"""From answers of the FAQ to results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter

from serve_app.client.readings import origin_of, parsed, unexpected
from serve_app.client.results import Origin
from serve_app.client.steps import Reply
from serve_app.faq.results import Explanation, FaqResult, Match

ContentT = TypeVar("ContentT")

_Row = tuple[int | str, int | str, float]
_Answers = list[str | None] | None
_Explanations = list[Explanation] | None


class _Question(BaseModel):
    result: tuple[list[_Row], str]
    matched: bool
    answers: _Answers = None
    explanations: _Explanations = None


class _Questions(BaseModel):
    result: tuple[list[list[_Row]], str]
    matched: list[bool]
    answers: list[_Answers] | None = None
    explanations: list[_Explanations] | None = None


_QUESTION = TypeAdapter(_Question)
_QUESTIONS = TypeAdapter(_Questions)


def read_question(reply: Reply) -> FaqResult:
    """Read the answer to a question.

    Raises:
        UnexpectedResponse: it has another form.
    """
    content = parsed(reply, _QUESTION)
    return _faq_result(content.result[0], content.matched, content.answers, content.explanations, origin_of(reply))


def read_questions(reply: Reply, count: int) -> list[FaqResult]:
    """Read the answers to a number of questions.

    Raises:
        UnexpectedResponse: it has another form.
    """
    content, origin = parsed(reply, _QUESTIONS), origin_of(reply)
    lists = content.result[0]
    answers, explanations = _each(content.answers, count), _each(content.explanations, count)
    if not len(lists) == len(content.matched) == len(answers) == len(explanations) == count:
        raise unexpected("it does not answer each question")
    every = zip(lists, content.matched, answers, explanations, strict=True)
    return [_faq_result(*each, origin) for each in every]


def _faq_result(
    rows: list[_Row],
    matched: bool,  # noqa: FBT001
    answers: _Answers,
    explanations: _Explanations,
    origin: Origin,
) -> FaqResult:
    every_answer, every_explanation = _each(answers, len(rows)), _each(explanations, len(rows))
    if not len(rows) == len(every_answer) == len(every_explanation):
        raise unexpected("it does not tell the same of each match")
    beside = zip(rows, every_answer, every_explanation, strict=True)
    return FaqResult(tuple(Match(*row, answer, explanation) for row, answer, explanation in beside), matched, origin)


def _each(values: Sequence[ContentT] | None, count: int) -> Sequence[ContentT | None]:
    return [None] * count if values is None else values
