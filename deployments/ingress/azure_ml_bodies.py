"""Bodies that clients of Azure Machine Learning send: `{"data": [...]}`, the references' JSON, raw bytes, forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, cast

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from deployments.errors import InvalidInput, InvalidText
from deployments.ingress.bodies import content_type, read_body
from deployments.ingress.images import ImageOptions, answer_images, decoded, read_images
from deployments.ingress.json_bodies import is_json, read_json
from deployments.ingress.large_bodies import aside, size_of
from deployments.ingress.models import Takes, Version
from deployments.ingress.questions import (
    QuestionOptions,
    Text,
    answer_question,
    answer_questions,
    question_of,
    questions_of,
)
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings

RAW_TEXT = frozenset({"text/plain", "application/octet-stream"})


def _either(schema: JsonDict) -> None:
    """Say in a schema that one of the two fields is there; left out is not the same as null."""
    fields = cast("dict[str, JsonDict]", schema["properties"])
    for name in ("data", "input"):
        del fields[name]["default"]
    schema["oneOf"] = [{"required": ["data"]}, {"required": ["input"]}]


class QuestionData(QuestionOptions):
    """Questions from a client of Azure Machine Learning; either `data` or `input`."""

    model_config = ConfigDict(json_schema_extra=_either)

    data: Annotated[list[Text], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="Questions; the result has a list of matches for each."
    )
    input: Text | Annotated[list[Text], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="A question, or a list of them, answered as the reference application does."
    )


class ImageData(ImageOptions):
    """Images from a client of Azure Machine Learning; either `data` or `input`."""

    model_config = ConfigDict(json_schema_extra=_either)

    data: Annotated[list[str], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="Image files, each encoded with base64; the result has a list of classes for each."
    )
    input: Annotated[dict[str, str], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="Image files by name, answered as the reference application does."
    )


@dataclass(frozen=True, slots=True)
class AzureScored:
    """What came out of a request.

    Attributes:
        scored: its result.
        in_order: whether the result is a list with a place for each of the request's `data`.
    """

    scored: Scored
    in_order: bool


AzureScorer = Callable[[Request, Version, IngressSettings, float], Awaitable[AzureScored]]


async def score_question_data(
    request: Request, version: Version, settings: IngressSettings, deadline: float
) -> AzureScored:
    """Answer questions."""
    if content_type(request) in RAW_TEXT:
        question = question_of(_text(await read_body(request, settings)), QuestionOptions())
        return AzureScored(await answer_question(request, version, settings, deadline, question), in_order=False)
    given = await read_json(request, settings, QuestionData)
    _check(given)
    if isinstance(given.input, str):
        question = question_of(given.input, given)
        return AzureScored(await answer_question(request, version, settings, deadline, question), in_order=False)
    field, texts = ("data", given.data) if given.data is not None else ("input", given.input or [])
    questions = questions_of(given, texts, settings, field=field)
    scored = await answer_questions(request, version, settings, deadline, questions, field=field)
    return AzureScored(scored, in_order=field == "data")


async def score_image_data(
    request: Request, version: Version, settings: IngressSettings, deadline: float
) -> AzureScored:
    """Answer images."""
    if not is_json(request):
        images = await read_images(request, settings)
        return AzureScored(await answer_images(request, version, settings, deadline, images), in_order=False)
    given = await read_json(request, settings, ImageData)
    _check(given)
    named = given.input or {f"data[{place}]": text for place, text in enumerate(given.data or [])}
    images = await aside(size_of(request), decoded, named, given, settings)
    scored = await answer_images(request, version, settings, deadline, images)
    if given.data is None:
        return AzureScored(scored, in_order=False)
    beside = {name: list(told.values()) for name, told in scored.beside.items()}
    return AzureScored(replace(scored, result=list(scored.result.values()), beside=beside), in_order=True)


def _check(given: QuestionData | ImageData) -> None:
    if (given.data is None) == (given.input is None):
        raise InvalidInput("Send either the field 'data' or the field 'input'.")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidText("The body is not text in UTF-8.") from None


SCORERS: dict[Takes, AzureScorer] = {"text": score_question_data, "images": score_image_data}
