"""Errors as problem+json (RFC 9457)."""

from __future__ import annotations

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

from deployments.errors import ScoringError


class Problem(BaseModel):
    """Why a request failed."""

    type: str = Field(default="about:blank", description="Always about:blank; compare `code` instead.")
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="One sentence that says what is wrong.")
    code: str = Field(description="A stable identifier of this kind of error.")
    request_id: str = Field(description="The request's identifier, as in the header x-request-id.")


def problem_response(error: ScoringError, request_id: str) -> Response:
    """Return the response for an error; it shows the error's safe message and nothing else."""
    problem = Problem(
        title=error.title,
        status=error.status,
        detail=error.message,
        code=error.code,
        request_id=request_id,
    )
    response = Response(
        orjson.dumps(problem.model_dump()), status_code=problem.status, media_type="application/problem+json"
    )
    if error.retry_after_seconds is not None:
        response.headers["retry-after"] = str(error.retry_after_seconds)
    if error.challenge is not None:
        response.headers["www-authenticate"] = error.challenge
    return response
