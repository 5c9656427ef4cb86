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


class InferenceProblem(Problem):
    """Why a request failed, as clients of the Open Inference Protocol read it."""

    error: str = Field(description="The same as `detail`.")


def in_inference_protocol(path: str) -> bool:
    """Whether clients of a path look for the member `error` in plain JSON."""
    return path == "/v2" or path.startswith("/v2/")


def problem_response(error: ScoringError, request_id: str, path: str = "/") -> Response:
    """Return the response for an error; it shows the error's safe message and nothing else.

    Args:
        error: the error.
        request_id: the request's identifier.
        path: of the request, which says in which form its clients read errors.
    """
    problem = Problem(
        title=error.title,
        status=error.status,
        detail=error.message,
        code=error.code,
        request_id=request_id,
    )
    content, media_type = problem.model_dump(), "application/problem+json"
    if in_inference_protocol(path):
        content, media_type = {"error": error.message, **content}, "application/json"
    response = Response(orjson.dumps(content), status_code=problem.status, media_type=media_type)
    if error.retry_after_seconds is not None:
        response.headers["retry-after"] = str(error.retry_after_seconds)
    if error.challenge is not None:
        response.headers["www-authenticate"] = error.challenge
    response.headers.update(error.headers or {})
    return response
