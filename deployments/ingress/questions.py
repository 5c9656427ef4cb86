"""Requests and responses of models that take text, in the reference application's format."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from deployments.contracts import Matches, Question
from deployments.ingress.bodies import read_body
from deployments.ingress.json_bodies import parse_json
from deployments.ingress.models import Version
from deployments.ingress.scoring import Scored, score_all
from deployments.ingress.settings import IngressSettings


class QuestionRequest(BaseModel):
    """A question for the FAQ matcher."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: str = Field(description="The question's text.", examples=["How do I start the service?"])
    top_k: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many matches to return; every original if left out."
    )


async def score_question(request: Request, version: Version, settings: IngressSettings, deadline: float) -> Scored:
    """Answer `{"input": "<question>"}` with its matches, best first."""
    body = parse_json(request, await read_body(request, settings.max_body_bytes), QuestionRequest)
    scored = (await score_all(request, version, {"input": Question(body.input, body.top_k)}, deadline))["input"]
    return replace(scored, result=format_matches(scored.result))


def format_matches(matches: Matches) -> list[Any]:
    """Return `[[original id, answer id, probability], ...]`, best first."""
    return list(zip(matches.ids, matches.answer_ids, matches.probabilities, strict=True))
