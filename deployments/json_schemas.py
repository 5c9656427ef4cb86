"""Pieces of JSON Schema and OpenAPI that kinds describe their requests and responses with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

PROBABILITY: Json = {"type": "number", "minimum": 0, "maximum": 1}
UNTRAINED: Json = {
    "type": "string",
    "const": "untrained",
    "description": "There only if a model was not trained.",
}


def array(items: Json, description: str = "") -> Json:
    """Return a list of any length."""
    return {"type": "array", "items": items, **({"description": description} if description else {})}


def row(*parts: Json, description: str) -> Json:
    """Return a list with a place for each of the parts."""
    return {
        "type": "array",
        "prefixItems": [*parts],
        "minItems": len(parts),
        "maxItems": len(parts),
        "description": description,
    }


def ref(name: str) -> Json:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def reference_response(result: Json, description: str, *, required: Sequence[str] = (), **beside: Json) -> Json:
    """Return a response of the references' protocol: the result, how long it took, and members beside them."""
    computed = {"type": "string", "examples": ["Computed in 2.1 ms"]}
    properties = {
        "result": row(result, computed, description="The result, and how long it took."),
        **beside,
        "weights": UNTRAINED,
    }
    return {"type": "object", "required": ["result", *required], "properties": properties, "description": description}


def in_json(name: str, examples: Json | None = None) -> Json:
    """Return JSON content with a component's schema."""
    return {"application/json": {"schema": ref(name), **({"examples": examples} if examples else {})}}


def text() -> Json:
    """Return content that is plain text."""
    return {"text/plain": {"schema": {"type": "string"}}}


def query(name: str, description: str, schema: Json) -> Json:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def files(field: str, media_types: Sequence[str]) -> Json:
    """Return content that is a file of one of several types, or a form with files in a field."""
    file = {"type": "string", "minLength": 1, "contentMediaType": "application/octet-stream"}
    form = {
        "type": "object",
        "required": [field],
        "properties": {field: {"type": "array", "minItems": 1, "items": file}},
    }
    return {**{media_type: {"schema": file} for media_type in media_types}, "multipart/form-data": {"schema": form}}
