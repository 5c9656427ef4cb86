"""How FAQ models are asked and answer."""

from __future__ import annotations

import re
from typing import Any

from deployments.codecs.body import Body
from deployments.codecs.json_bodies import parse_any
from deployments.contracts import Question
from deployments.faq_matcher.protocols import examples, schemas, tensors
from deployments.faq_matcher.protocols.azure_ml import QuestionData, read_azure
from deployments.faq_matcher.protocols.questions import NOUN, QuestionRequest, read_questions
from deployments.interface import Documentation, Inference, Interface, RequestLimits, Work
from deployments.json_schemas import Json, in_json, text

# Nearly every body begins with its input, so that it need not be read twice.
_INPUT_FIRST = re.compile(rb'\s*\{\s*"input"\s*:\s*(["\[{])')

_TOP_K: Json = {"type": "integer", "minimum": 1}
_TEXTS: Json = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_RESULT: Json = {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {}}}}


class FaqInterface(Interface):
    """Takes texts, gives originals with their answers."""

    limits = {NOUN: 1000}  # noqa: RUF012 - as every interface says it
    takes = "text"
    parameters = tensors.QuestionParameters
    outputs = tensors.OUTPUTS
    # Whether ids are numbers or texts.
    asks_model = True

    def weigh(self, item: Any) -> int:
        """Return the characters of a question."""
        question: Question = item
        return len(question.text)

    def read(self, body: Body, limits: RequestLimits) -> Work:
        """Read a question or a list of them."""
        return read_questions(body, limits)

    def read_azure(self, body: Body, limits: RequestLimits) -> Work:
        """Read questions as `data` or `input`, or a bare text."""
        return read_azure(body, limits)

    def read_tensors(self, inference: Inference) -> Work:
        """Read a tensor of texts."""
        return tensors.read_tensors(inference)

    def claims(self, body: Body) -> bool:
        """Whether the input is a text or a list of them."""
        if not body.is_json:
            return False
        if match := _INPUT_FIRST.match(body.content):
            return match[1] in b'"['
        content = parse_any(body.content)
        return isinstance(content, dict) and isinstance(content.get("input"), str | list)

    @property
    def claimed(self) -> tuple[str, ...]:
        """A text, or texts."""
        return ("a text", "a list of texts")

    def document(self) -> Documentation:
        """Describe questions and their matches."""
        matched = {"matched": {"type": "array", "items": {"type": "boolean"}}}
        return Documentation(
            schemas=(QuestionRequest, QuestionData),
            components=schemas.COMPONENTS,
            queries=(),
            body=in_json("QuestionRequest", examples.REQUESTS),
            response=schemas.RESPONSE,
            response_examples=examples.RESPONSES,
            azure_body={**in_json("QuestionData", examples.DATA_REQUESTS), **text()},
            azure_responses=(schemas.DATA_RESPONSE,),
            azure_response_examples=examples.DATA_RESPONSES,
            swagger_input={
                "data": _TEXTS,
                "top_k": _TOP_K,
                "threshold": {"description": "A number from 0 to 1, or trained: the least probability of a match."},
                "explain": {"type": "boolean"},
                "answers": {"type": "boolean"},
            },
            swagger_output={"result": _RESULT, **matched},
            swagger_examples=(
                {"data": ["How do I strike text through?"], "top_k": 1},
                {"result": [[[7, 701, 0.82]]], "matched": [True]},
            ),
            inference_examples=(examples.INFERENCE_REQUESTS, examples.INFERENCE_RESPONSES),
        )


INTERFACE = FaqInterface()
