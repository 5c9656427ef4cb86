"""Requests and responses in the reference application's format: texts, and what matches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from deployments.codecs.body import Body
from deployments.codecs.json_bodies import parse_json
from deployments.contracts import Matches, Question
from deployments.errors import InvalidInput
from deployments.interface import RequestLimits, Work, Written, check_items

# What limits and quotas count.
NOUN = "questions"

# The document says that a question is not empty; the matcher says which of a list is.
Text = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"\S"})]


class QuestionOptions(BaseModel):
    """What a request may say beside its questions, whatever its protocol."""

    model_config = ConfigDict(extra="forbid", strict=True)

    top_k: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many matches to return for each question; every original if left out."
    )
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | Literal["trained"] | None = Field(
        default=None,
        description="The least probability of a match; trained: the model's own. Less probable ones are left out, "
        "so the list may be empty.",
    )
    explain: bool = Field(default=False, description="Whether to tell which terms made each match's score.")
    answers: bool = Field(default=False, description="Whether to return the answers' texts.")


class QuestionRequest(QuestionOptions):
    """A question for the FAQ matcher, or several."""

    input: Text | Annotated[list[Text], Field(min_length=1, fail_fast=True)] = Field(
        description="The question's text, or a list of texts."
    )


def read_questions(body: Body, limits: RequestLimits) -> Work:
    """Read a question, or a list of them."""
    given = parse_json(body, QuestionRequest)
    if isinstance(given.input, str):
        return one(question_of(given.input, given), limits)
    return several(questions_of(given, given.input, limits), limits)


def one(question: Question, limits: RequestLimits) -> Work:
    """Return what a question asks for."""

    def write(results: list[Matches]) -> Written:
        (matches,) = results
        return Written(rows(matches), beside(matches))

    return Work([question], write, accept=row_counter(1, limits))


def several(questions: Sequence[Question], limits: RequestLimits, *, field: str = "input") -> Work:
    """Return what several questions ask for; `field` is where they came from."""

    def write(results: list[Matches]) -> Written:
        return Written([rows(matches) for matches in results], beside_all(results))

    accept = row_counter(len(questions), limits)
    return Work(questions, write, name=(field + "[{}]").format, accept=accept, in_order=field == "data")


def question_of(text: str, options: QuestionOptions) -> Question:
    """Return what the stage takes for a text."""
    return Question(text, options.top_k, options.threshold, options.explain, options.answers)


def questions_of(
    options: QuestionOptions, texts: Sequence[str], limits: RequestLimits, *, field: str = "input"
) -> list[Question]:
    """Return what the stage takes for each text; `field` is where they came from.

    Raises:
        InvalidInput: there are more than the limit.
    """
    check_items(NOUN, len(texts), limits, f"The field '{field}'")
    return [question_of(text, options) for text in texts]


def row_counter(questions: int, limits: RequestLimits) -> Callable[[Matches], None]:
    """Return what counts the rows of all results, as they come, and raises when there are too many."""
    left = limits.result_rows

    def count(matches: Matches) -> None:
        nonlocal left
        left -= len(matches.ids)
        if left < 0:
            raise too_many_rows(questions, limits)

    return count


def too_many_rows(questions: int, limits: RequestLimits) -> InvalidInput:
    """Return the error of a response that would be too large; it says what to ask for."""
    limit = limits.result_rows
    fits = limit // questions
    remedy = f"set 'top_k' to {fits} or less" if fits else f"ask at most {limit} questions at once"
    return InvalidInput(f"The result has more rows than the limit of {limit}; {remedy}.")


def rows(matches: Matches) -> list[Any]:
    """Return `[(original id, answer id, probability), ...]`, best first."""
    return list(zip(matches.ids, matches.answer_ids, matches.probabilities, strict=True))


def beside(matches: Matches) -> dict[str, Any]:
    """Return what a response tells beside the rows of its question."""
    told: dict[str, Any] = {"matched": matches.matched}
    if matches.answers is not None:
        told["answers"] = matches.answers
    if matches.explanations is not None:
        # Data classes, which the JSON library writes as objects.
        told["explanations"] = matches.explanations
    return told


def beside_all(results: Sequence[Matches]) -> dict[str, Any]:
    """Return the same of several questions: lists in their order."""
    each = [beside(matches) for matches in results]
    names = dict.fromkeys(name for told in each for name in told)
    return {name: [told.get(name) for told in each] for name in names}
