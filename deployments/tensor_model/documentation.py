"""A signature as JSON Schema, OpenAPI and Swagger 2.0."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from deployments.codecs.content_types import codec_of
from deployments.contracts import Tensor
from deployments.interface import Documentation
from deployments.json_schemas import Json, array, query, ref, reference_response
from deployments.json_schemas import row as listed
from deployments.signature import Signature
from deployments.tensor_model.requests import RequestReader

_NUMBERS = {"BOOL": "boolean", "FP": "number", "IN": "integer", "UI": "integer"}
_NUMBER_OR_NULL: Json = {"type": ["number", "null"], "description": "null is an infinite number or NaN."}

_TABLE: Json = {
    "type": "object",
    "required": ["data"],
    "additionalProperties": False,
    "properties": {
        "columns": {"type": ["array", "null"], "items": {"type": "string"}, "description": "The inputs' names."},
        "index": {"description": "Names of the rows, which change nothing."},
        "data": {"type": "array", "minItems": 1, "description": "The rows, with a value for each column."},
    },
    "description": "A table, as pandas writes it with orient='split'.",
}


def document(name: str, signature: Signature, parameters: type[BaseModel], reader: RequestReader) -> Documentation:
    """Return what documents say of a signature.

    Args:
        name: of the kind, which begins the names of components.
        signature: what its models take and give.
        parameters: Pydantic model of its parameters.
        reader: of its requests' bodies.
    """
    properties: Json = parameters.model_json_schema().get("properties", {})
    given, row_in = _given(signature), _rows(signature, signature.inputs)
    row_out = _rows(signature, signature.outputs, are_outputs=True)
    request = {
        "type": "object",
        "required": ["input"],
        "additionalProperties": False,
        "properties": {"input": given, **properties},
    }
    azure = _azure_request(signature, given, row_in, properties)
    responses = {f"{name}_response": reference_response(row_out, "The outputs of what came alone.")}
    if signature.has_rows:
        responses[f"{name}_list_response"] = reference_response(array(row_out), "The outputs of each row of a list.")
    components = {
        f"{name}_request": request,
        f"{name}_data": azure,
        **responses,
        f"{name}_data_response": {
            "type": "object",
            "required": ["result"],
            "properties": {"result": array(row_out) if signature.has_rows else row_out},
        },
    }
    bare = {media_type: {"schema": {"type": "string", "minLength": 1}} for media_type in reader.bare_types}
    example, answer = _examples(signature)
    many, answers = _azure_examples(signature)
    queries = [query(key, "Where the body is no JSON.", _plain(schema)) for key, schema in properties.items()]
    return Documentation(
        schemas=(),
        components=components,
        queries=tuple(queries) if bare else (),
        body={"application/json": {"schema": ref(f"{name}_request"), "examples": _named(example)}, **bare},
        response={"anyOf": [ref(each) for each in responses]},
        response_examples=_named(answer),
        azure_body={"application/json": {"schema": ref(f"{name}_data"), "examples": _named(many)}, **bare},
        azure_responses=(ref(f"{name}_data_response"),),
        azure_response_examples=_named(answers),
        swagger_input={
            ("data" if signature.has_rows else "input"): _plain(array(row_in) if signature.has_rows else given),
            **{key: _plain(schema) for key, schema in properties.items()},
        },
        swagger_output={"result": _plain(array(row_out) if signature.has_rows else row_out)},
        swagger_examples=(many, answers),
        inference_examples=_inference_examples(name, signature),
        swagger_required=("data" if signature.has_rows else "input",),
    )


def _named(value: Any) -> Json:
    return {"example": {"summary": "As the signature has it", "value": value}}


def _plain(schema: Any) -> Any:
    """Return a schema without what Swagger 2.0 does not know."""
    if isinstance(schema, dict):
        if "anyOf" in schema:
            return {}
        if isinstance(schema.get("type"), list):
            return _plain({**schema, "type": schema["type"][0], "x-nullable": True})
        known = {key: _plain(value) for key, value in schema.items() if key not in _NEW}
        return {**known, "enum": [schema["const"]]} if "const" in schema else known
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema


_NEW = {"contentEncoding", "contentMediaType", "exclusiveMinimum", "exclusiveMaximum", "prefixItems", "const"}


def schema_of(tensor: Tensor, *, without_rows: bool, is_output: bool = False) -> Json:
    """Return the schema of a tensor's value in JSON, or of one row of it."""
    if tensor.datatype == "BYTES":
        schema = codec_of(tensor.content_type).schema
    elif is_output and tensor.datatype.startswith("FP"):
        schema = _NUMBER_OR_NULL
    else:
        schema = {"type": _NUMBERS.get(tensor.datatype, _NUMBERS.get(tensor.datatype[:2], "number"))}
    for size in reversed(tensor.shape[1:] if without_rows else tensor.shape):
        schema = {**array(schema), **({"minItems": size, "maxItems": size} if size > 0 else {})}
    return {**schema, **({"description": tensor.description} if tensor.description else {})}


def _rows(signature: Signature, tensors: tuple[Tensor, ...], *, are_outputs: bool = False) -> Json:
    """Return the schema of one row of several tensors, or of their values where there are no rows."""
    schemas = {
        tensor.name: schema_of(tensor, without_rows=signature.has_rows, is_output=are_outputs) for tensor in tensors
    }
    if len(schemas) == 1:
        return next(iter(schemas.values()))
    closed = {} if are_outputs else {"additionalProperties": False}
    return {"type": "object", "required": list(schemas), "properties": schemas, **closed}


def _given(signature: Signature) -> Json:
    """Return the schema of `input`: one row, or a list of them; of several inputs, an object with that of each."""
    if not signature.has_rows:
        return _rows(signature, signature.inputs)
    each = {tensor.name: schema_of(tensor, without_rows=True) for tensor in signature.inputs}
    many = {name: {**array(schema), "minItems": 1} for name, schema in each.items()}
    if len(each) == 1:
        (tensor,) = signature.inputs
        if tensor.content_type == "application/json":
            return each[tensor.name]
        return {"anyOf": [each[tensor.name], many[tensor.name]]}
    return {
        "anyOf": [
            {"type": "object", "additionalProperties": False, "required": list(each), "properties": properties}
            for properties in (each, many)
        ]
    }


def _azure_request(signature: Signature, given: Json, row: Json, properties: Json) -> Json:
    if signature.has_rows and len(signature.inputs) > 1:
        values = [schema_of(tensor, without_rows=True) for tensor in signature.inputs]
        row = {"anyOf": [row, listed(*values, description="A value for each input, in their order.")]}
    rows = {**array(row), "minItems": 1} if signature.has_rows else given
    sources = {"data": rows, "input": given}
    if signature.has_rows:
        sources["input_data"] = {"anyOf": [rows, _TABLE]}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**sources, **properties},
        "oneOf": [{"required": [source]} for source in sources],
    }


def _examples(signature: Signature) -> tuple[Json, Json]:
    """Return a request and a response of the references' protocol."""
    example = signature.example
    inputs, outputs = dict(example.inputs), dict(example.outputs)
    request: Any = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    is_json = signature.has_rows and signature.inputs[0].content_type == "application/json" and len(inputs) == 1
    result = _rows_of(outputs, has_rows=signature.has_rows)
    if is_json:
        # One of them: several come as `data`.
        request, result = request[0], result[0]
    return {"input": request, **example.parameters}, {"result": [result, "Computed in 2.1 ms"]}


def _azure_examples(signature: Signature) -> tuple[Json, Json]:
    example = signature.example
    rows = _rows_of(dict(example.inputs), has_rows=signature.has_rows)
    source = "data" if signature.has_rows else "input"
    return {source: rows, **example.parameters}, {
        "result": _rows_of(dict(example.outputs), has_rows=signature.has_rows)
    }


def _rows_of(values: Json, *, has_rows: bool) -> Any:
    if len(values) == 1:
        return next(iter(values.values()))
    if not has_rows:
        return values
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def _inference_examples(name: str, signature: Signature) -> tuple[Json, Json]:
    summary = f"As the signature of {name} has it"
    inputs = [_tensor(tensor, signature.example.inputs[tensor.name]) for tensor in signature.inputs]
    outputs = [_tensor(tensor, signature.example.outputs[tensor.name]) for tensor in signature.outputs]
    request: Json = {"inputs": inputs}
    if signature.example.parameters:
        request["parameters"] = dict(signature.example.parameters)
    response = {"model_name": name, "model_version": "1", "outputs": outputs}
    return {name: {"summary": summary, "value": request}}, {name: {"summary": summary, "value": response}}


def _tensor(tensor: Tensor, value: Any) -> Json:
    """Return a tensor in an Open Inference message; elements of BYTES as texts."""
    shape, flat = [], [value]
    for _ in tensor.shape:
        shape.append(len(flat[0]))
        flat = [inner for each in flat for inner in each]
    if tensor.content_type == "application/json":
        codec = codec_of(tensor.content_type)
        flat = [codec.to_text(each) for each in flat]
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": shape, "data": flat}
