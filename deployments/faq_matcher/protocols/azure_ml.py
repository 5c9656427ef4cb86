"""Questions from clients of Azure Machine Learning: `{"data": [...]}`, the reference's JSON, a bare text."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from deployments.codecs.azure_ml import check_one_of, one_of_data_and_input, text_of
from deployments.codecs.body import Body
from deployments.codecs.json_bodies import parse_json
from deployments.faq_matcher.protocols.questions import (
    QuestionOptions,
    Text,
    one,
    question_of,
    questions_of,
    several,
)
from deployments.interface import RequestLimits, Work

RAW_TEXT = frozenset({"text/plain", "application/octet-stream"})


class QuestionData(QuestionOptions):
    """Questions from a client of Azure Machine Learning; either `data` or `input`."""

    model_config = ConfigDict(json_schema_extra=one_of_data_and_input)

    data: Annotated[list[Text], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="Questions; the result has a list of matches for each."
    )
    input: Text | Annotated[list[Text], Field(min_length=1, fail_fast=True)] | SkipJsonSchema[None] = Field(
        default=None, description="A question, or a list of them, answered as the reference application does."
    )


def read_azure(body: Body, limits: RequestLimits) -> Work:
    """Read questions."""
    if body.media_type in RAW_TEXT:
        return one(question_of(text_of(body), QuestionOptions()), limits)
    given = parse_json(body, QuestionData)
    check_one_of(given.data, given.input)
    if isinstance(given.input, str):
        return one(question_of(given.input, given), limits)
    field, texts = ("data", given.data) if given.data is not None else ("input", given.input or [])
    return several(questions_of(given, texts, limits, field=field), limits, field=field)
