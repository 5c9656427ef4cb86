"""Requests and responses of models that take text, in the reference application's format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request

from deployments.contracts import Matches, Question
from deployments.errors import InvalidInput
from deployments.ingress.hang_ups import given_up_without_client
from deployments.ingress.json_bodies import read_json
from deployments.ingress.models import Version
from deployments.ingress.scoring import Scored, joined, score_all, score_one
from deployments.ingress.settings import IngressSettings

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


async def score_questions(request: Request, version: Version, settings: IngressSettings, deadline: float) -> Scored:
    """Answer a question, or each of a list, with its matches, best first."""
    body = await read_json(request, settings, QuestionRequest)
    if isinstance(body.input, str):
        return await answer_question(request, version, settings, deadline, question_of(body.input, body))
    questions = questions_of(body, body.input, settings)
    return await answer_questions(request, version, settings, deadline, questions)


async def answer_question(
    request: Request, version: Version, settings: IngressSettings, deadline: float, question: Question
) -> Scored:
    """Answer one question with its matches, best first."""
    with given_up_without_client(request):
        scored = await score_one(version, question, deadline)
    matches: Matches = scored.result
    if len(matches.ids) > settings.max_result_rows:
        raise too_many_rows(1, settings)
    return Scored(rows(matches), scored.seconds, scored.weights, beside(matches))


async def answer_questions(
    request: Request,
    version: Version,
    settings: IngressSettings,
    deadline: float,
    questions: Sequence[Question],
    *,
    field: str = "input",
) -> Scored:
    """Answer each question with its matches; `field` is where they came from."""
    accept = row_counter(len(questions), settings)
    with given_up_without_client(request):
        every = await score_all(version, questions, deadline, name=(field + "[{}]").format, accept=accept)
    results: list[Matches] = [scored.result for scored in every]
    return joined([rows(matches) for matches in results], every, beside_all(results))


def question_of(text: str, options: QuestionOptions) -> Question:
    """Return what the stage takes for a text."""
    return Question(text, options.top_k, options.threshold, options.explain, options.answers)


def questions_of(
    options: QuestionOptions, texts: Sequence[str], settings: IngressSettings, *, field: str = "input"
) -> list[Question]:
    """Return what the stage takes for each text; `field` is where they came from.

    Raises:
        InvalidInput: there are more than the limit.
    """
    if len(texts) > settings.max_questions_per_request:
        raise InvalidInput(
            f"The field '{field}' has {len(texts)} questions; the limit is {settings.max_questions_per_request}."
        )
    return [question_of(text, options) for text in texts]


def row_counter(questions: int, settings: IngressSettings) -> Callable[[Matches], None]:
    """Return what counts the rows of all results, as they come, and raises when there are too many."""
    left = settings.max_result_rows

    def count(matches: Matches) -> None:
        nonlocal left
        left -= len(matches.ids)
        if left < 0:
            raise too_many_rows(questions, settings)

    return count


def too_many_rows(questions: int, settings: IngressSettings) -> InvalidInput:
    """Return the error of a response that would be too large; it says what to ask for."""
    limit = settings.max_result_rows
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
