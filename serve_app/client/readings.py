"""From responses to results and errors."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from serve_app.client.errors import BY_STATUS, Problem, ServiceError, UnexpectedResponse
from serve_app.client.results import (
    Explanation,
    FaqResult,
    ImageClass,
    ImageExplanation,
    ImageResult,
    Match,
    ModelDescription,
    Origin,
)
from serve_app.client.retries import retry_after_seconds
from serve_app.client.steps import Reply

ContentT = TypeVar("ContentT")

OK = 200

# What an error may show of a gateway's or another server's words.
_MOST_CHARACTERS = 500

_TIMING = re.compile(r"\s*([A-Za-z0-9_-]+)\s*;\s*dur=([0-9]+(?:\.[0-9]+)?)\s*")

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


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError("must be base64")  # noqa: TRY004 - which Pydantic tells of
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise ValueError("must be base64") from None


class _Explained(BaseModel):
    class_index: int
    label: str
    probability: float
    method: Literal["grad-cam", "occlusion"]
    grid: tuple[tuple[float, ...], ...]
    heat_map: Annotated[bytes, BeforeValidator(_decoded), Field(alias="heat_map_png")]
    largest_drop: float | None = None


class _Images(BaseModel):
    result: tuple[dict[str, list[tuple[str, float]]], str]
    explanations: dict[str, _Explained] | None = None


class _Problem(BaseModel):
    type: str = "about:blank"
    title: str = ""
    detail: str
    code: str = ""
    request_id: str = ""


_ANY = TypeAdapter(Any)
_QUESTION = TypeAdapter(_Question)
_QUESTIONS = TypeAdapter(_Questions)
_IMAGES = TypeAdapter(_Images)
_PROBLEM = TypeAdapter(_Problem)
_DESCRIPTION = TypeAdapter(ModelDescription)


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
        raise _unexpected("it does not answer each question")
    every = zip(lists, content.matched, answers, explanations, strict=True)
    return [_faq_result(*each, origin) for each in every]


def read_image(reply: Reply) -> ImageResult:
    """Read the classes of the only image.

    Raises:
        UnexpectedResponse: it has another form.
    """
    content = parsed(reply, _IMAGES)
    return _image_results(content, list(content.result[0]), 1, origin_of(reply))[0]


def read_images(reply: Reply, names: Sequence[str]) -> list[ImageResult]:
    """Read the classes of images, in the order of their names.

    Raises:
        UnexpectedResponse: it has another form.
    """
    return _image_results(parsed(reply, _IMAGES), names, len(names), origin_of(reply))


def read_description(reply: Reply) -> ModelDescription:
    """Read what a model says of itself.

    Raises:
        UnexpectedResponse: it has another form.
    """
    return parsed(reply, _DESCRIPTION)


def parsed(reply: Reply, adapter: TypeAdapter[ContentT]) -> ContentT:
    """Read JSON of a form.

    Raises:
        UnexpectedResponse: it is another, or no JSON; the message holds none of its content.
    """
    try:
        return adapter.validate_json(reply.content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    raise _unexpected(f"{where}: {first['msg']}" if where else first["msg"])


def read_json(reply: Reply) -> Any:
    """Read JSON of any form."""
    return parsed(reply, _ANY)


def error_of(reply: Reply) -> ServiceError:
    """Return what a response of an error status says."""
    problem = _problem(reply)
    return BY_STATUS.get(reply.status, ServiceError)(problem)


def origin_of(reply: Reply) -> Origin:
    """Read who answered from a response's headers."""
    headers = reply.headers
    return Origin(
        headers.get("x-model-name", ""),
        headers.get("x-model-version", ""),
        headers.get("x-model-weights", ""),
        headers.get("x-request-id", ""),
        server_timing(headers),
    )


def server_timing(headers: httpx.Headers) -> dict[str, float]:
    """Read the header Server-Timing; seconds by step."""
    found = (_TIMING.fullmatch(part) for part in headers.get("server-timing", "").split(","))
    return {match[1]: float(match[2]) / 1000 for match in found if match}


def _problem(reply: Reply) -> Problem:
    retry_after = retry_after_seconds(reply.headers)
    request_id = reply.headers.get("x-request-id", "")
    try:
        said = _PROBLEM.validate_json(reply.content)
    except ValidationError:
        # A gateway's page may hold what was sent to it, a key too.
        detail = f"The service, or a gateway before it, answered {reply.status} and did not say why."
        return Problem(reply.status, detail=detail, request_id=request_id, retry_after_seconds=retry_after)
    return Problem(
        reply.status,
        said.type,
        said.title,
        said.detail[:_MOST_CHARACTERS],
        said.code,
        said.request_id or request_id,
        retry_after,
    )


def _unexpected(reason: str) -> UnexpectedResponse:
    return UnexpectedResponse(f"The answer is none that this client can read: {reason}.")


def _faq_result(
    rows: list[_Row],
    matched: bool,  # noqa: FBT001
    answers: _Answers,
    explanations: _Explanations,
    origin: Origin,
) -> FaqResult:
    every_answer, every_explanation = _each(answers, len(rows)), _each(explanations, len(rows))
    if not len(rows) == len(every_answer) == len(every_explanation):
        raise _unexpected("it does not tell the same of each match")
    beside = zip(rows, every_answer, every_explanation, strict=True)
    return FaqResult(tuple(Match(*row, answer, explanation) for row, answer, explanation in beside), matched, origin)


def _each(values: Sequence[ContentT] | None, count: int) -> Sequence[ContentT | None]:
    return [None] * count if values is None else values


def _image_results(content: _Images, names: Sequence[str], count: int, origin: Origin) -> list[ImageResult]:
    classes, explanations = content.result[0], content.explanations or {}
    if len(classes) != count or set(classes) != set(names):
        raise _unexpected("it does not answer each image")
    return [
        ImageResult(tuple(ImageClass(*row) for row in classes[name]), _explained(explanations.get(name)), origin)
        for name in names
    ]


def _explained(found: _Explained | None) -> ImageExplanation | None:
    return None if found is None else ImageExplanation(**dict(found))
