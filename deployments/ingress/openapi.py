"""The OpenAPI document of everything that the ingress answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from deployments.codecs.tensors.messages import InferenceRequest
from deployments.ingress.access.openapi import DOCUMENTS, OPEN_PATHS, SECURITY_SCHEMES, secured
from deployments.ingress.access.token_route import AccessToken
from deployments.ingress.azure_ml_openapi import azure_paths
from deployments.ingress.health_routes import Health
from deployments.ingress.oip.metadata import ModelMetadata, ModelReady, ServerMetadata
from deployments.ingress.oip.openapi import INFERENCE_COMPONENTS, inference_paths
from deployments.ingress.openapi_parts import get, post
from deployments.ingress.problems import InferenceProblem, Problem
from deployments.ingress.routing.table import ModelTable
from deployments.interface import Documentation
from deployments.json_schemas import Json, text

SCHEMAS: tuple[type[BaseModel], ...] = (
    AccessToken, InferenceRequest, ServerMetadata, ModelMetadata, ModelReady, Health, Problem, InferenceProblem,
)  # fmt: skip


def documents_of(table: ModelTable) -> dict[str, Documentation]:
    """Return what each model's interface says of itself, by the model's name."""
    return {model.name: model.interface.document() for model in table}


def document(table: ModelTable, version: str, *, needs_key: bool = False, open_docs: bool = False) -> Json:
    """Return the OpenAPI 3.1 document.

    Args:
        table: the models.
        version: the product's.
        needs_key: whether requests need a key or token.
        open_docs: whether what describes the service needs none all the same.
    """
    documents = documents_of(table)
    paths = {
        **_service_paths(),
        "/score": _bare_score(table, documents),
        **dict(_score_paths(table, documents)),
        **azure_paths(table, documents),
        **inference_paths(table, documents),
    }
    schemas = dict.fromkeys([*(each for found in documents.values() for each in found.schemas), *SCHEMAS])
    _, generated = models_json_schema(
        [(model, "validation") for model in schemas], ref_template="#/components/schemas/{model}"
    )
    components = {name: schema for found in documents.values() for name, schema in found.components.items()}
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
            "schemas": {**generated["$defs"], **components, **INFERENCE_COMPONENTS},
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


def _score_paths(table: ModelTable, documents: dict[str, Documentation]) -> Iterator[tuple[str, Json]]:
    for model in table:
        document = [documents[model.name]]
        yield f"/{model.name}/score", _score(f"Score with the model {model.name}", document)
        for version in model.versions:
            summary = f"Score with version {version} of the model {model.name}"
            yield f"/{model.name}/versions/{version}/score", _score(summary, document)


def _bare_score(table: ModelTable, documents: dict[str, Documentation]) -> Json:
    told = {model.interface.takes: documents[model.name] for model in reversed(list(table)) if model.interface.takes}
    first = documents[next(iter(table)).name]
    nouns = " or ".join(reversed(told))
    summary = (
        f"Score with the default model for what the body holds: {nouns}"
        if nouns
        else f"Score with the model {next(iter(table)).name}"
    )
    return _score(summary, list(reversed(told.values())) or [first])


def _score(summary: str, documents: Sequence[Documentation]) -> Json:
    parameters = [parameter for document in documents for parameter in document.queries]
    return post(summary, tag="scoring", parameters=parameters, body=_bodies(documents), scored=_scored(documents))


def _bodies(documents: Sequence[Documentation]) -> Json:
    content = {name: value for document in documents for name, value in document.body.items()}
    return {**content, **_either([document.body["application/json"] for document in documents])}


def _scored(documents: Iterable[Documentation]) -> Json:
    return _either([{"schema": each.response, "examples": each.response_examples} for each in documents])


def _either(contents: list[Json]) -> Json:
    """Return JSON content that is one of several."""
    if len(contents) == 1:
        return {"application/json": contents[0]}
    examples = {name: example for content in contents for name, example in content["examples"].items()}
    return {"application/json": {"schema": {"anyOf": [each["schema"] for each in contents]}, "examples": examples}}
