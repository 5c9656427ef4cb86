"""The Open Inference Protocol's routes in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.codecs.tensors.binary import HEADER_LENGTH
from deployments.codecs.tensors.datatypes import DATATYPES
from deployments.errors import NotFound, Unavailable
from deployments.ingress.oip.metadata import answered_by
from deployments.ingress.openapi_parts import (
    INFERENCE_PROBLEM,
    SCORE_ERRORS,
    get,
    in_path,
    post,
    request_header,
    text_headers,
)
from deployments.ingress.routing.table import ModelTable
from deployments.interface import Documentation
from deployments.json_schemas import Json, in_json

TAG = "open inference protocol"
MODEL_PATH = "/v2/models/{model}"
VERSION_PATH = f"{MODEL_PATH}/versions/{{version}}"
_LENGTH = "Length of the JSON, in bytes, where binary tensors follow it."
_BINARY: Json = {
    "application/octet-stream": {
        "schema": {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "description": "JSON, then tensors.",
        }
    }
}


def inference_paths(table: ModelTable, documents: Mapping[str, Documentation]) -> Json:
    """Return the routes of the protocol."""
    paths = {
        "/v2": get("What the server is", in_json("ServerMetadata"), form=INFERENCE_PROBLEM, tag=TAG),
        "/v2/health/live": get("Whether the process answers", in_json("Health"), form=INFERENCE_PROBLEM, tag=TAG),
        "/v2/health/ready": get(
            "Whether every model answers", in_json("Health"), errors=[Unavailable], form=INFERENCE_PROBLEM, tag=TAG
        ),
    }
    requests, responses = _examples(table, documents)
    for path, noun, parameters in (
        (MODEL_PATH, "a model", in_path(table, "model")),
        (VERSION_PATH, "a version of a model", in_path(table, "model", "version")),
    ):
        options: dict[str, Any] = {"errors": (NotFound, Unavailable), "form": INFERENCE_PROBLEM, "tag": TAG}
        paths[path] = get(f"What {noun} is", in_json("ModelMetadata"), parameters=parameters, **options)
        paths[f"{path}/ready"] = get(f"Whether {noun} answers", in_json("ModelReady"), parameters=parameters, **options)
        paths[f"{path}/infer"] = _infer(f"Ask {noun} with tensors", parameters, requests, responses)
    return paths


def _examples(table: ModelTable, documents: Mapping[str, Documentation]) -> tuple[Json, Json]:
    requests: Json = {}
    responses: Json = {}
    for model in table:
        asked, answers = documents[model.name].inference_examples
        requests |= asked
        version = next(iter(model.versions))
        for name, example in answers.items():
            responses[name] = {**example, "value": answered_by(model, version, example["value"])}
    return requests, responses


def _infer(summary: str, parameters: list[Json], requests: Json, responses: Json) -> Json:
    return post(
        summary,
        tag=TAG,
        parameters=[*parameters, request_header(HEADER_LENGTH, _LENGTH)],
        body={**in_json("InferenceRequest", requests), **_BINARY},
        scored={**in_json("InferenceResponse", responses), **_BINARY},
        headers=text_headers({HEADER_LENGTH: _LENGTH}),
        errors=[*SCORE_ERRORS, NotFound],
        form=INFERENCE_PROBLEM,
    )


_SCALAR: Json = {"type": ["string", "number", "boolean", "null"], "description": "null: an infinite number or NaN."}
INFERENCE_COMPONENTS: Json = {
    "ResponseOutput": {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"type": "string"},
            "datatype": {"type": "string", "enum": list(DATATYPES)},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "data": {"type": "array", "items": _SCALAR, "description": "Row by row; missing in binary data."},
            "parameters": {
                "type": "object",
                "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
                "description": "binary_data_size: bytes of the tensor behind the JSON.",
            },
        },
    },
    "InferenceResponse": {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string", "description": "The request's, if it has one."},
            "parameters": {
                "type": "object",
                "properties": {"weights": {"type": "string", "const": "untrained"}},
                "description": "There only if a model was not trained.",
            },
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/ResponseOutput"}},
        },
        "description": "The answer to a request for inference.",
    },
}
