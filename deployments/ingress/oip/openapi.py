"""The Open Inference Protocol's routes in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from deployments.errors import NotFound, Unavailable
from deployments.ingress.models import ModelTable
from deployments.ingress.oip.binary import HEADER_LENGTH
from deployments.ingress.oip.datatypes import DATATYPES
from deployments.ingress.openapi_parts import (
    INFERENCE_PROBLEM,
    SCORE_ERRORS,
    Json,
    get,
    in_json,
    in_path,
    post,
    request_header,
    text_headers,
)
from deployments.ingress.result_examples import IMAGE

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


def inference_paths(table: ModelTable) -> Json:
    """Return the routes of the protocol."""
    paths = {
        "/v2": get("What the server is", in_json("ServerMetadata"), form=INFERENCE_PROBLEM, tag=TAG),
        "/v2/health/live": get("Whether the process answers", in_json("Health"), form=INFERENCE_PROBLEM, tag=TAG),
        "/v2/health/ready": get(
            "Whether every model answers", in_json("Health"), errors=[Unavailable], form=INFERENCE_PROBLEM, tag=TAG
        ),
    }
    for path, noun, parameters in (
        (MODEL_PATH, "a model", in_path(table, "model")),
        (VERSION_PATH, "a version of a model", in_path(table, "model", "version")),
    ):
        options: dict[str, Any] = {"errors": (NotFound, Unavailable), "form": INFERENCE_PROBLEM, "tag": TAG}
        paths[path] = get(f"What {noun} is", in_json("ModelMetadata"), parameters=parameters, **options)
        paths[f"{path}/ready"] = get(f"Whether {noun} answers", in_json("ModelReady"), parameters=parameters, **options)
        paths[f"{path}/infer"] = _infer(f"Ask {noun} with tensors", parameters)
    return paths


def _infer(summary: str, parameters: list[Json]) -> Json:
    return post(
        summary,
        tag=TAG,
        parameters=[*parameters, request_header(HEADER_LENGTH, _LENGTH)],
        body={**in_json("InferenceRequest", REQUEST_EXAMPLES), **_BINARY},
        scored={**in_json("InferenceResponse", RESPONSE_EXAMPLES), **_BINARY},
        headers=text_headers({HEADER_LENGTH: _LENGTH}),
        errors=[*SCORE_ERRORS, NotFound],
        form=INFERENCE_PROBLEM,
    )


_SCALAR: Json = {"type": ["string", "number", "boolean"]}
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

REQUEST_EXAMPLES: Json = {
    "questions": {
        "summary": "Two questions",
        "value": {
            "id": "42",
            "parameters": {"top_k": 1},
            "inputs": [
                {
                    "name": "question",
                    "shape": [2],
                    "datatype": "BYTES",
                    "data": ["How do I strike text through?", "What is the weather?"],
                }
            ],
        },
    },
    "image": {
        "summary": "An image file as base64, and one output",
        "value": {
            "inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [IMAGE]}],
            "outputs": [{"name": "labels"}],
        },
    },
}

RESPONSE_EXAMPLES: Json = {
    "questions": {
        "summary": "The best match of two questions",
        "value": {
            "model_name": "faq",
            "model_version": "1",
            "id": "42",
            "outputs": [
                {"name": "ids", "datatype": "INT64", "shape": [2, 1], "data": [7, 41]},
                {"name": "answer_ids", "datatype": "INT64", "shape": [2, 1], "data": [701, 4101]},
                {"name": "probabilities", "datatype": "FP32", "shape": [2, 1], "data": [0.82, 0.05]},
                {"name": "matched", "datatype": "BOOL", "shape": [2], "data": [True, True]},
            ],
        },
    },
    "image": {
        "summary": "The labels of an image",
        "value": {
            "model_name": "image",
            "model_version": "1",
            "outputs": [
                {
                    "name": "labels",
                    "datatype": "BYTES",
                    "shape": [1, 3],
                    "data": [
                        "n02127052 lynx, catamount",
                        "n02124075 Egyptian cat",
                        "n02123045 tabby, tabby cat",
                    ],
                }
            ],
        },
    },
}
