"""`/api/v1/service/{model}/swagger.json`: one service, as Azure Machine Learning describes its own (Swagger 2.0)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.ingress.access.openapi import CREDENTIALS
from deployments.ingress.endpoints import Handler
from deployments.ingress.models import Model, ModelTable, Takes
from deployments.ingress.result_examples import IMAGE
from deployments.ingress.settings import Limits

Json = dict[str, Any]

SERVICE = "/api/v1/service/{model}/"

_TOP_K: Json = {"type": "integer", "minimum": 1}
_TEXTS: Json = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_PROPERTIES: dict[Takes, Json] = {
    "text": {
        "data": _TEXTS,
        "top_k": _TOP_K,
        "threshold": {"description": "A number from 0 to 1, or trained: the least probability of a match."},
        "explain": {"type": "boolean"},
        "answers": {"type": "boolean"},
    },
    "images": {
        "data": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "byte"}},
        "top_k": _TOP_K,
        "explain": {"description": 'Where the network saw the most probable class: true; another: {"class": 287}.'},
    },
}
_INPUTS: dict[Takes, Json] = {
    "text": {"data": ["How do I strike text through?"], "top_k": 1},
    "images": {"data": [IMAGE], "top_k": 1},
}
_OUTPUTS: dict[Takes, Json] = {
    "text": {"result": [[[7, 701, 0.82]]], "matched": [True]},
    "images": {"result": [[["n02127052 lynx, catamount", 0.97]]]},
}
# Swagger 2.0 has no scheme of its own for bearers.
_SECURITY: Json = {
    "securityDefinitions": {
        "Bearer": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "description": f"Bearer, a space, and {CREDENTIALS}.",
        }
    },
    "security": [{"Bearer": []}],
}


def swagger_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler that describes the service of one model."""

    async def describe(request: Request) -> Response:
        model = table.find(request.path_params["model"])
        return JSONResponse(service_document(model, needs_key=limits().access.is_required))

    return describe


def service_document(model: Model, *, needs_key: bool) -> Json:
    """Return the Swagger 2.0 document of one model's service; `needs_key`: whether requests need a key or token."""
    service = SERVICE.format(model=model.name)
    return {
        "swagger": "2.0",
        "info": {
            "title": model.name,
            "description": f"API specification for the Azure Machine Learning service {model.name}",
            "version": next(iter(model.versions)),
        },
        "schemes": ["https", "http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        **(_SECURITY if needs_key else {}),
        "paths": {service: {"get": _health()}, f"{service}score": {"post": _run()}},
        "definitions": _definitions(model.takes),
    }


def _health() -> Json:
    healthy = {"description": "The service is up.", "schema": {"type": "string"}, "examples": {"text/plain": "Healthy"}}
    return {
        "operationId": "ServiceHealthCheck",
        "description": "Whether the service is up.",
        "produces": ["text/plain"],
        "responses": {"200": healthy, "default": _failed()},
    }


def _run() -> Json:
    payload = {
        "name": "serviceInputPayload",
        "in": "body",
        "required": True,
        "description": "What to score.",
        "schema": {"$ref": "#/definitions/ServiceInput"},
    }
    return {
        "operationId": "RunMLService",
        "description": "Score with the model.",
        "parameters": [payload],
        "responses": {
            "200": {"description": "Scored.", "schema": {"$ref": "#/definitions/ServiceOutput"}},
            "default": _failed(),
        },
    }


def _failed() -> Json:
    return {"description": "The service failed.", "schema": {"$ref": "#/definitions/ErrorResponse"}}


def _definitions(takes: Takes) -> Json:
    result = {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {}}}}
    matched = {"matched": {"type": "array", "items": {"type": "boolean"}}} if takes == "text" else {}
    return {
        "ServiceInput": {
            "type": "object",
            "required": ["data"],
            "properties": _PROPERTIES[takes],
            "example": _INPUTS[takes],
        },
        "ServiceOutput": {
            "type": "object",
            "required": ["result"],
            "properties": {"result": result, **matched},
            "example": _OUTPUTS[takes],
        },
        "ErrorResponse": {
            "type": "object",
            "required": ["status", "detail", "code", "request_id"],
            "properties": {
                "status": {"type": "integer", "format": "int32"},
                "title": {"type": "string"},
                "detail": {"type": "string"},
                "code": {"type": "string"},
                "request_id": {"type": "string"},
            },
        },
    }
