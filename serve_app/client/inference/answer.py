"""From answers of the Open Inference Protocol to results."""

from __future__ import annotations

import binascii
import json
import math
from typing import Any

from pydantic import BaseModel, TypeAdapter

from serve_app.client.inference.arrays import from_bytes, from_list
from serve_app.client.inference.datatypes import BYTES, HEADER_LENGTH, NUMBERS, unpack, unpack_elements
from serve_app.client.inference.values import JSON, TEXT
from serve_app.client.readings import origin_of, parsed_json, unexpected, validated
from serve_app.client.results import ModelDescription, Prediction
from serve_app.client.steps import Reply


class _Output(BaseModel):
    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


class _Answer(BaseModel):
    outputs: list[_Output]


_OBJECT = TypeAdapter(dict[str, Any])
_ANSWER = TypeAdapter(_Answer)


def read_prediction(reply: Reply, *, description: ModelDescription, as_arrays: bool) -> Prediction:
    """Read the outputs, those of JSON and those behind it.

    Raises:
        UnexpectedResponse: the answer has another form.
    """
    head, binary = _split(reply)
    content = parsed_json(head, _OBJECT)
    content_types = {tensor.name: tensor.content_type for tensor in description.outputs}
    outputs: dict[str, Any] = {}
    place = 0
    for output in validated(content, _ANSWER).outputs:
        size = output.parameters.get("binary_data_size") if output.data is None else 0
        if not isinstance(size, int) or not 0 <= size <= len(binary) - place:
            raise unexpected(f"the output '{output.name}' has no data")
        try:
            values = _values(output, binary[place : place + size], content_types.get(output.name, ""))
            outputs[output.name] = _shaped(output, values, as_arrays=as_arrays)
        except (TypeError, ValueError) as error:
            raise unexpected(f"the output '{output.name}' cannot be read: {error}") from None
        place += size
    return Prediction(outputs, origin_of(reply), content)


def _split(reply: Reply) -> tuple[bytes, memoryview]:
    length = reply.headers.get(HEADER_LENGTH)
    if length is None:
        return reply.content, memoryview(b"")
    if not length.isdecimal() or int(length) > len(reply.content):
        raise unexpected("its JSON is longer than the answer")
    return reply.content[: int(length)], memoryview(reply.content)[int(length) :]


def _values(output: _Output, binary: memoryview, content_type: str) -> list[Any] | memoryview:
    """Return an output's elements, row by row; numbers that came as bytes stay bytes."""
    if output.datatype != BYTES:
        return binary if output.data is None else _flat(output.data, len(output.shape))
    elements: list[Any] = unpack_elements(binary) if output.data is None else _flat(output.data, len(output.shape))
    return [_element(each, content_type) for each in elements]


def _element(element: Any, content_type: str) -> Any:
    if content_type in {"", TEXT, JSON}:
        text = element.decode("utf-8", "replace") if isinstance(element, bytes) else str(element)
        return json.loads(text) if content_type == JSON else text
    return element if isinstance(element, bytes) else binascii.a2b_base64(str(element), strict_mode=True)


def _flat(values: list[Any], rank: int) -> list[Any]:
    for _ in range(rank - 1):
        if not values or not isinstance(values[0], list):
            break
        values = [inner for each in values for inner in each]
    return values


def _shaped(output: _Output, values: list[Any] | memoryview, *, as_arrays: bool) -> Any:
    if output.datatype != BYTES and output.datatype not in NUMBERS:
        raise ValueError(f"this client cannot read {output.datatype}")
    if as_arrays:
        if isinstance(values, memoryview):
            return from_bytes(output.datatype, values, output.shape)
        return from_list(values, None if output.datatype == BYTES else output.datatype, output.shape)
    elements = unpack(output.datatype, values) if isinstance(values, memoryview) else values
    if len(elements) != math.prod(output.shape):
        raise ValueError(f"the shape {list(output.shape)} has another number of elements")
    return _nested(elements, output.shape)


def _nested(values: list[Any], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) < 2:  # noqa: PLR2004 - one dimension is a list
        return values
    step = math.prod(shape[1:])
    return [_nested(values[row * step : (row + 1) * step], shape[1:]) for row in range(shape[0])]
