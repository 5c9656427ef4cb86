"""`/api/v1/service/{model}/swagger.json`: one service, as Azure Machine Learning describes its own (Swagger 2.0)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.ingress.access.openapi import CREDENTIALS
from deployments.ingress.endpoints import Handler
from deployments.ingress.routing.table import Model, ModelTable
from deployments.ingress.settings import Limits
from deployments.interface import Documentation

Json = dict[str, Any]

SERVICE = "/api/v1/service/{model}/"

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
        "definitions": _definitions(model.interface.document()),
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


def _definitions(document: Documentation) -> Json:
    request, answer = document.swagger_examples
    return {
        "ServiceInput": {
            "type": "object",
            "required": list(document.swagger_required),
            "properties": document.swagger_input,
            "example": request,
        },
        "ServiceOutput": {
            "type": "object",
            "required": ["result"],
            "properties": document.swagger_output,
            "example": answer,
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
