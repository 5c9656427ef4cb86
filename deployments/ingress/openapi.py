"""The OpenAPI document of everything that the ingress answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from deployments.ingress.access.openapi import DOCUMENTS, OPEN_PATHS, SECURITY_SCHEMES, secured
from deployments.ingress.access.token_route import AccessToken
from deployments.ingress.azure_ml_bodies import ImageData, QuestionData
from deployments.ingress.azure_ml_openapi import azure_paths
from deployments.ingress.health_routes import Health
from deployments.ingress.images import ImagesRequest
from deployments.ingress.models import ModelTable, Takes
from deployments.ingress.oip.messages import InferenceRequest
from deployments.ingress.oip.metadata import ModelMetadata, ModelReady, ServerMetadata
from deployments.ingress.oip.openapi import INFERENCE_COMPONENTS, inference_paths
from deployments.ingress.openapi_parts import FILES, QUERIES, Json, get, in_json, post, text
from deployments.ingress.problems import InferenceProblem, Problem
from deployments.ingress.questions import QuestionRequest
from deployments.ingress.result_examples import REQUEST_EXAMPLES, RESPONSE_EXAMPLES
from deployments.ingress.result_schemas import COMPONENTS, RESPONSES

SCHEMAS: tuple[type[BaseModel], ...] = (
    QuestionRequest, ImagesRequest, QuestionData, ImageData, AccessToken, InferenceRequest, ServerMetadata,
    ModelMetadata, ModelReady, Health, Problem, InferenceProblem,
)  # fmt: skip


def document(table: ModelTable, version: str, *, needs_key: bool = False, open_docs: bool = False) -> Json:
    """Return the OpenAPI 3.1 document.

    Args:
        table: the models.
        version: the product's.
        needs_key: whether requests need a key or token.
        open_docs: whether what describes the service needs none all the same.
    """
    paths = {
        **_service_paths(),
        "/score": _bare_score(table),
        **dict(_score_paths(table)),
        **azure_paths(table),
        **inference_paths(table),
    }
    _, schemas = models_json_schema(
        [(model, "validation") for model in SCHEMAS], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ray-scoring",
            "version": version,
            "description": "Real-time scoring, by three protocols. Every error is problem+json (RFC 9457); under /v2 "
            "it is JSON with the same members and `error`.",
        },
        "paths": secured(paths, OPEN_PATHS | (DOCUMENTS if open_docs else set())) if needs_key else paths,
        "components": {
            "schemas": {**schemas["$defs"], **COMPONENTS, **INFERENCE_COMPONENTS},
            **({"securitySchemes": SECURITY_SCHEMES} if needs_key else {}),
        },
    }


def _service_paths() -> Json:
    return {
        "/": get("Say that the service is healthy", text()),
        "/version": get("Versions of the product and its frameworks", text()),
        "/swagger.json": get("This document", {"application/json": {"schema": {"type": "object"}}}),
        "/docs": get("This document as a page", {"text/html": {"schema": {"type": "string"}}}),
    }


def _score_paths(table: ModelTable) -> Iterator[tuple[str, Json]]:
    for model in table:
        yield f"/{model.name}/score", _score(f"Score with the model {model.name}", [model.takes])
        for version in model.versions:
            summary = f"Score with version {version} of the model {model.name}"
            yield f"/{model.name}/versions/{version}/score", _score(summary, [model.takes])


def _bare_score(table: ModelTable) -> Json:
    kinds = list(dict.fromkeys(model.takes for model in table))
    return _score("Score with the default model for what the body holds: text or images", kinds)


def _score(summary: str, kinds: Iterable[Takes]) -> Json:
    parameters = [parameter for takes in kinds for parameter in QUERIES[takes]]
    return post(summary, tag="scoring", parameters=parameters, body=_bodies(kinds), scored=_scored(kinds))


def _bodies(kinds: Iterable[Takes]) -> Json:
    content = {name: value for takes in kinds for name, value in BODIES[takes].items()}
    return {**content, **_either([BODIES[takes]["application/json"] for takes in kinds])}


def _scored(kinds: Iterable[Takes]) -> Json:
    return _either([{"schema": RESPONSES[takes], "examples": RESPONSE_EXAMPLES[takes]} for takes in kinds])


def _either(contents: list[Json]) -> Json:
    """Return JSON content that is one of several."""
    if len(contents) == 1:
        return {"application/json": contents[0]}
    examples = {name: example for content in contents for name, example in content["examples"].items()}
    return {"application/json": {"schema": {"anyOf": [each["schema"] for each in contents]}, "examples": examples}}


BODIES: dict[Takes, Json] = {
    "text": in_json("QuestionRequest", REQUEST_EXAMPLES["text"]),
    "images": {**in_json("ImagesRequest", REQUEST_EXAMPLES["images"]), **FILES},
}
