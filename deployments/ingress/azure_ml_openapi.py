"""Azure Machine Learning's routes in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.errors import Forbidden, MethodNotAllowed, NotFound, TooManyPending, Unavailable
from deployments.ingress.access.token_route import TOKEN_PATH
from deployments.ingress.azure_ml_swagger import SERVICE
from deployments.ingress.openapi_parts import (
    PROBLEM,
    SCORE_ERRORS,
    error_responses,
    get,
    in_path,
    post,
    request_header,
    response,
    text_headers,
)
from deployments.ingress.protocols.azure_ml import CLIENT_REQUEST_ID, DEPLOYMENT, SERVER_REQUEST_ID
from deployments.ingress.routing.table import Model, ModelTable
from deployments.interface import Documentation
from deployments.json_schemas import Json, in_json, text

TAG = "azure machine learning"


def azure_paths(table: ModelTable, documents: Mapping[str, Documentation]) -> Json:
    """Return the routes of every service."""
    service = in_path(table, "model")
    swagger = {"application/json": {"schema": {"type": "object"}}}
    scoring = {f"{SERVICE.format(model=model.name)}score": _score(model, documents[model.name]) for model in table}
    return {
        **scoring,
        SERVICE: get("Say that a service is there", text(), errors=[NotFound], parameters=service, tag=TAG),
        f"{SERVICE}swagger.json": get(
            "A service in Swagger 2.0", swagger, errors=[NotFound], parameters=service, tag=TAG
        ),
        TOKEN_PATH: _token(service),
    }


def _token(parameters: list[Json]) -> Json:
    return {
        "post": {
            "summary": "Get a token for a model, for the key that the request brings",
            "description": "Where requests need no key there is nothing to get a token for.",
            "tags": [TAG],
            "parameters": parameters,
            "responses": {
                "200": response("Issued.", in_json("AccessToken")),
                **error_responses([Forbidden, NotFound, MethodNotAllowed, TooManyPending, Unavailable], PROBLEM),
            },
        }
    }


def _score(model: Model, document: Documentation) -> Json:
    headers = text_headers({DEPLOYMENT: "The version that answered.", SERVER_REQUEST_ID: "The request's identifier."})
    schema: dict[str, Any] = {"anyOf": [*document.azure_responses, document.response]}
    return post(
        f"Score with the model {model.name} as a service of Azure Machine Learning",
        tag=TAG,
        parameters=[
            request_header(DEPLOYMENT, "The version that is to answer."),
            request_header(CLIENT_REQUEST_ID, "Comes back in the response."),
            *document.queries,
        ],
        body=document.azure_body,
        scored={"application/json": {"schema": schema, "examples": document.azure_response_examples}},
        headers=headers,
        errors=[*SCORE_ERRORS, NotFound, TooManyPending],
    )
