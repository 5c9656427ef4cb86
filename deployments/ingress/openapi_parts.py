"""Pieces of which the OpenAPI document is put together."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Literal

from deployments.errors import (
    BadRequest,
    InvalidInput,
    MethodNotAllowed,
    ModelError,
    PayloadTooLarge,
    QuotaExceeded,
    RequestTimeout,
    ScoringError,
    Unavailable,
    UnsupportedMediaType,
)
from deployments.ingress.http_context import CLIENT_TIMEOUT
from deployments.ingress.problems import in_inference_protocol
from deployments.ingress.protocols.headers import MODEL_NAME, MODEL_VERSION, MODEL_WEIGHTS
from deployments.ingress.quotas.rate_limit_headers import POLICY, RATE_LIMIT
from deployments.ingress.request_ids import REQUEST_ID
from deployments.ingress.routing.table import ModelTable
from deployments.json_schemas import Json

SCORE_ERRORS: tuple[type[ScoringError], ...] = (
    BadRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, InvalidInput, ModelError,
    QuotaExceeded, Unavailable,
)  # fmt: skip

# Errors in each of the two forms that clients get.
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
INFERENCE_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceProblem"}}}


def form_of(path: str) -> Json:
    """Return the form of a path's errors."""
    return INFERENCE_PROBLEM if in_inference_protocol(path) else PROBLEM


def get(
    summary: str,
    content: Json,
    *,
    errors: Iterable[type[ScoringError]] = (),
    parameters: Iterable[Json] = (),
    form: Json = PROBLEM,
    tag: str = "service",
) -> Json:
    """Return a path that answers GET."""
    responses = {"200": response("It does.", content), **error_responses([*errors, MethodNotAllowed], form)}
    return {"get": {"summary": summary, "tags": [tag], "parameters": [*parameters], "responses": responses}}


def post(
    summary: str,
    *,
    tag: str,
    parameters: Iterable[Json],
    body: Json,
    scored: Json,
    headers: Json | None = None,
    errors: Iterable[type[ScoringError]] = SCORE_ERRORS,
    form: Json = PROBLEM,
) -> Json:
    """Return a path that scores."""
    return {
        "post": {
            "summary": summary,
            "tags": [tag],
            "parameters": [request_id(), request_timeout(), *parameters],
            "requestBody": {"required": True, "content": body},
            "responses": {
                "200": response("Scored.", scored, {**model_headers(), **quota_headers(), **(headers or {})}),
                **error_responses([*errors, MethodNotAllowed], form),
            },
        }
    }


def response(description: str, content: Json, headers: Json | None = None) -> Json:
    """Return a response; every one carries the request's identifier."""
    return {
        "description": description,
        "headers": {**text_headers({REQUEST_ID: "The request's identifier."}), **(headers or {})},
        "content": content,
    }


def error_responses(errors: Iterable[type[ScoringError]], form: Json) -> Json:
    """Return the responses for errors, by status."""
    return {
        str(int(error.status)): response(HTTPStatus(error.status).phrase, form, _headers_of(error)) for error in errors
    }


def _headers_of(error: type[ScoringError]) -> Json:
    told = text_headers({"retry-after": "Seconds after which to try again."}) if error.retry_after_seconds else {}
    return {**told, **quota_headers()} if error.status == HTTPStatus.TOO_MANY_REQUESTS else told


def quota_headers() -> Json:
    """Return the headers that a client with limits gets."""
    return text_headers(
        {
            POLICY: "The client's limits, if it has any: q, in w seconds, of what qu says.",
            RATE_LIMIT: "What is left of them: r, and in t seconds all of it again.",
        }
    )


def model_headers() -> Json:
    """Return the headers that tell who answered."""
    return text_headers(
        {
            MODEL_NAME: "The model that answered.",
            MODEL_VERSION: "Its version.",
            MODEL_WEIGHTS: "trained or untrained.",
            "server-timing": "Milliseconds by step: decode, queue, infer (explain where it was asked for), total.",
        }
    )


def text_headers(described: dict[str, str]) -> Json:
    """Return headers of a response with their descriptions."""
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()}


def request_header(name: str, description: str) -> Json:
    """Return a header that a request may have."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def request_id() -> Json:
    """Return the header by which a client names its request."""
    return request_header(REQUEST_ID, "Taken over into the response and the logs.")


def request_timeout() -> Json:
    """Return the header by which a client says how long it waits."""
    return {
        "name": CLIENT_TIMEOUT,
        "in": "header",
        "description": "Seconds after which the client wants no answer; never more than the service's own limit.",
        "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 999_999_999},
    }


def in_path(table: ModelTable, *names: Literal["model", "version"]) -> list[Json]:
    """Return parts of a path, each with what it may be."""
    known = {
        "model": [model.name for model in table],
        "version": list(dict.fromkeys(version for model in table for version in model.versions)),
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": known[name]}}
        for name in names
    ]
