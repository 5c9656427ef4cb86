"""The OpenAPI document of everything that the ingress answers."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from deployments.errors import (
    BadRequest,
    Forbidden,
    InvalidInput,
    MethodNotAllowed,
    ModelError,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    ScoringError,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from deployments.ingress.access.token_route import TOKEN_PATH, AccessToken
from deployments.ingress.health_routes import Health
from deployments.ingress.images import IMAGE_FIELD, ImagesRequest
from deployments.ingress.model_routes import ModelMetadata
from deployments.ingress.models import Model, ModelTable, Takes
from deployments.ingress.problems import Problem
from deployments.ingress.questions import QuestionRequest
from deployments.ingress.request_ids import REQUEST_ID
from deployments.ingress.result_schemas import COMPONENTS, REQUEST_EXAMPLES, RESPONSE_EXAMPLES, RESPONSES
from deployments.ingress.score_routes import MODEL_NAME, MODEL_VERSION, MODEL_WEIGHTS

Json = dict[str, Any]

SCHEMAS: tuple[type[BaseModel], ...] = (
    QuestionRequest, ImagesRequest, ModelMetadata, Health, AccessToken, Problem
)  # fmt: skip
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")
SCORE_ERRORS = (
    BadRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, InvalidInput, ModelError, Unavailable
)  # fmt: skip

# Whoever watches over the service has no key.
OPEN_PATHS = frozenset({"/", "/v2/health/live", "/v2/health/ready"})


def document(table: ModelTable, version: str, *, secured: bool = False) -> Json:
    """Return the OpenAPI 3.1 document; `secured` says whether requests need a key or token."""
    paths = {**_service_paths(), **{f"/{model.name}/score": _score(model) for model in table}}
    _, schemas = models_json_schema(
        [(model, "validation") for model in SCHEMAS], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ray-scoring",
            "version": version,
            "description": "Real-time scoring. Every error is problem+json (RFC 9457).",
        },
        "paths": _secured(paths) if secured else paths,
        "components": {
            "schemas": {**schemas["$defs"], **COMPONENTS},
            **({"securitySchemes": SECURITY_SCHEMES} if secured else {}),
        },
    }


def _secured(paths: Json) -> Json:
    """Add what every operation asks for and refuses, but for the open ones."""
    return {
        path: item if path in OPEN_PATHS else {method: _with_access(operation) for method, operation in item.items()}
        for path, item in paths.items()
    }


def _with_access(operation: Json) -> Json:
    refusals = _errors([Unauthenticated, Forbidden, Unavailable])
    return {
        **operation,
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "responses": {**operation["responses"], **refusals},
    }


def _service_paths() -> Json:
    model, version = (
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("model", "version")
    )
    metadata, errors = _json("ModelMetadata"), (NotFound, Unavailable)
    return {
        "/": _get("Say that the service is healthy", _text()),
        "/version": _get("Versions of the product and its frameworks", _text()),
        "/v2/health/live": _get("Whether the process answers", _json("Health")),
        "/v2/health/ready": _get("Whether every model answers", _json("Health"), errors=[Unavailable]),
        "/v2/models/{model}": _get("What a model is", metadata, errors=errors, parameters=[model]),
        "/v2/models/{model}/versions/{version}": _get(
            "What a version of a model is", metadata, errors=errors, parameters=[model, version]
        ),
        TOKEN_PATH: _token(model),
        "/swagger.json": _get("This document", {"application/json": {"schema": {"type": "object"}}}),
        "/docs": _get("This document as a page", {"text/html": {"schema": {"type": "string"}}}),
    }


def _get(
    summary: str, content: Json, *, errors: Iterable[type[ScoringError]] = (), parameters: Iterable[Json] = ()
) -> Json:
    responses = {"200": _response("It does.", content), **_errors([*errors, MethodNotAllowed])}
    return {"get": {"summary": summary, "tags": ["service"], "parameters": [*parameters], "responses": responses}}


def _token(model: Json) -> Json:
    return {
        "post": {
            "summary": "Get a token for a model, for the key that the request brings",
            "description": "Where requests need no key there is nothing to get a token for.",
            "tags": ["service"],
            "parameters": [model],
            "responses": {
                "200": _response("Issued.", _json("AccessToken")),
                **_errors([Forbidden, NotFound, MethodNotAllowed, Unavailable]),
            },
        }
    }


def _score(model: Model) -> Json:
    return {
        "post": {
            "summary": f"Score with the model {model.name}",
            "tags": ["scoring"],
            "parameters": [_request_id(), *(IMAGE_PARAMETERS if model.takes == "images" else [])],
            "requestBody": {"required": True, "content": BODIES[model.takes]},
            "responses": {
                "200": _response("Scored.", _scored(model.takes), _model_headers()),
                **_errors([*SCORE_ERRORS, MethodNotAllowed]),
            },
        }
    }


def _scored(takes: Takes) -> Json:
    return {"application/json": {"schema": RESPONSES[takes], "examples": RESPONSE_EXAMPLES[takes]}}


def _model_headers() -> Json:
    described = {
        MODEL_NAME: "The model that answered.",
        MODEL_VERSION: "Its version.",
        MODEL_WEIGHTS: "trained or untrained.",
        "server-timing": "Milliseconds by step: decode, queue, infer (explain where it was asked for), total.",
    }
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()}


def _errors(errors: Iterable[type[ScoringError]]) -> Json:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {str(int(error.status)): _response(HTTPStatus(error.status).phrase, content) for error in errors}


def _response(description: str, content: Json, headers: Json | None = None) -> Json:
    request_id = {REQUEST_ID: {"description": "The request's identifier.", "schema": {"type": "string"}}}
    return {"description": description, "headers": {**request_id, **(headers or {})}, "content": content}


def _request_id() -> Json:
    text = "Taken over into the response and the logs."
    return {"name": REQUEST_ID, "in": "header", "description": text, "schema": {"type": "string"}}


def _query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str, examples: Json | None = None) -> Json:
    return {"application/json": {"schema": _ref(name), **({"examples": examples} if examples else {})}}


def _text() -> Json:
    return {"text/plain": {"schema": {"type": "string"}}}


IMAGE_PARAMETERS = [
    _query("top_k", "Classes for each image, where the body is no JSON.", {"type": "integer", "minimum": 1}),
    _query("explain", "Whether to tell where the network looked, where the body is no JSON.", {"type": "boolean"}),
    _query(
        "explain_class",
        "Index of the class to explain, the most probable one if left out; needs explain=true.",
        {"type": "integer", "minimum": 0},
    ),
]
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {
    "type": "object",
    "required": [IMAGE_FIELD],
    "properties": {IMAGE_FIELD: {"type": "array", "items": _FILE}},
}
BODIES: dict[Takes, Json] = {
    "text": _json("QuestionRequest", REQUEST_EXAMPLES["text"]),
    "images": {
        **_json("ImagesRequest", REQUEST_EXAMPLES["images"]),
        **{image_type: {"schema": _FILE} for image_type in IMAGE_TYPES},
        "multipart/form-data": {"schema": _FORM},
    },
}

SECURITY_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, a token of this service or one of an OpenID Connect issuer.",
    },
    **{
        name: {"type": "apiKey", "in": "header", "name": name, "description": "The same without `Bearer`."}
        for name in ("x-api-key", "api-key")
    },
}
