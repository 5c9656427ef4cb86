"""Azure Machine Learning's routes in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from deployments.errors import Forbidden, MethodNotAllowed, NotFound, TooManyPending, Unavailable
from deployments.ingress.access.token_route import TOKEN_PATH
from deployments.ingress.azure_ml import CLIENT_REQUEST_ID, DEPLOYMENT, SERVER_REQUEST_ID
from deployments.ingress.azure_ml_swagger import SERVICE
from deployments.ingress.models import Model, ModelTable, Takes
from deployments.ingress.openapi_parts import (
    FILES,
    PROBLEM,
    QUERIES,
    SCORE_ERRORS,
    Json,
    error_responses,
    get,
    in_json,
    in_path,
    post,
    request_header,
    response,
    text,
    text_headers,
)
from deployments.ingress.result_examples import DATA_REQUEST_EXAMPLES, DATA_RESPONSE_EXAMPLES
from deployments.ingress.result_schemas import DATA_RESPONSES, RESPONSES

TAG = "azure machine learning"
_FORMS: dict[Takes, str] = {"text": "QuestionData", "images": "ImageData"}
_RAW: dict[Takes, Json] = {"text": text(), "images": FILES}


def azure_paths(table: ModelTable) -> Json:
    """Return the routes of every service."""
    service = in_path(table, "model")
    swagger = {"application/json": {"schema": {"type": "object"}}}
    scoring = {f"{SERVICE.format(model=model.name)}score": _score(model) for model in table}
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


def _score(model: Model) -> Json:
    takes = model.takes
    headers = text_headers({DEPLOYMENT: "The version that answered.", SERVER_REQUEST_ID: "The request's identifier."})
    schema: dict[str, Any] = {"anyOf": [*DATA_RESPONSES[takes], RESPONSES[takes]]}
    return post(
        f"Score with the model {model.name} as a service of Azure Machine Learning",
        tag=TAG,
        parameters=[
            request_header(DEPLOYMENT, "The version that is to answer."),
            request_header(CLIENT_REQUEST_ID, "Comes back in the response."),
            *QUERIES[takes],
        ],
        body={**in_json(_FORMS[takes], DATA_REQUEST_EXAMPLES[takes]), **_RAW[takes]},
        scored={"application/json": {"schema": schema, "examples": DATA_RESPONSE_EXAMPLES[takes]}},
        headers=headers,
        errors=[*SCORE_ERRORS, NotFound, TooManyPending],
    )
