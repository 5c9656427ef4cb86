"""From responses to results and errors."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from serve_app.client.errors import BY_STATUS, Problem, ServiceError, UnexpectedResponse
from serve_app.client.results import ModelDescription, Origin
from serve_app.client.retries import retry_after_seconds
from serve_app.client.steps import Reply

ContentT = TypeVar("ContentT")

OK = 200

# What an error may show of a gateway's or another server's words.
_MOST_CHARACTERS = 500

_TIMING = re.compile(r"\s*([A-Za-z0-9_-]+)\s*;\s*dur=([0-9]+(?:\.[0-9]+)?)\s*")


class _Problem(BaseModel):
    type: str = "about:blank"
    title: str = ""
    detail: str
    code: str = ""
    request_id: str = ""


_ANY = TypeAdapter(Any)
_PROBLEM = TypeAdapter(_Problem)
_DESCRIPTION = TypeAdapter(ModelDescription)


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
    return parsed_json(reply.content, adapter)


def parsed_json(content: bytes, adapter: TypeAdapter[ContentT]) -> ContentT:
    """As `parsed`, of bytes that hold JSON."""
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        reason = _reason(error)
    raise unexpected(reason)


def validated(content: Any, adapter: TypeAdapter[ContentT]) -> ContentT:
    """As `parsed`, of JSON that was read before."""
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        reason = _reason(error)
    raise unexpected(reason)


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


def unexpected(reason: str) -> UnexpectedResponse:
    """Return the error for an answer of another form."""
    return UnexpectedResponse(f"The answer is none that this client can read: {reason}.")


def _reason(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


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
