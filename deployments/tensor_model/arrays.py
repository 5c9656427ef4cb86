"""Between JSON or binary tensors and NumPy arrays, by a tensor's datatype, shape and content type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from deployments.codecs.content_types import codec_of
from deployments.codecs.json_bodies import shown
from deployments.codecs.tensors.inputs import InputTensor
from deployments.codecs.tensors.outputs import OutputTensor
from deployments.contracts import Tensor
from deployments.errors import InvalidInput

# Little-endian, as binary tensors are.
DTYPES: dict[str, str] = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "i1", "INT16": "<i2",
    "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "BYTES": "O",
}  # fmt: skip

JSON_TYPE = "application/json"

Array = NDArray[Any]


def of_rows(tensor: Tensor, rows: Sequence[Any], name: str) -> Array:
    """Return rows of JSON as an array whose first dimension counts them.

    Args:
        tensor: what the signature says.
        rows: a value for each.
        name: what an error calls it.

    Raises:
        InvalidInput: a value has another shape or type.
    """
    if tensor.datatype == "BYTES":
        return _objects(tensor, list(rows), name, (len(rows), *_nesting(rows, len(tensor.shape) - 1)[1:]))
    return _numbers(tensor, list(rows), name, len(tensor.shape))


def of_value(tensor: Tensor, value: Any, name: str) -> Array:
    """Return a value of JSON that has no rows as an array.

    Raises:
        InvalidInput: it has another shape or type.
    """
    values = value if isinstance(value, list) else [value]
    if tensor.datatype == "BYTES":
        return _objects(tensor, values, name, _nesting(values, len(tensor.shape) - 1))
    return _numbers(tensor, values, name, len(tensor.shape))


def depth_of(value: Any) -> int:
    """Return how deep a value is nested, along its first elements."""
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _nesting(value: Any, most: int) -> tuple[int, ...]:
    """Return the sizes of nested lists along their first elements, the outermost included, and `most` below it."""
    sizes: list[int] = []
    while isinstance(value, list) and len(sizes) <= most:
        sizes.append(len(value))
        value = value[0] if value else None
    return tuple(sizes)


def _numbers(tensor: Tensor, values: list[Any], name: str, rank: int) -> Array:
    shape = _nesting(values, rank)
    _check_shape(tensor, shape, name)
    read = InputTensor(name, tensor.datatype, shape, values)
    return np.frombuffer(read.content(), DTYPES[tensor.datatype]).reshape(shape)


def _objects(tensor: Tensor, values: list[Any], name: str, shape: tuple[int, ...]) -> Array:
    _check_shape(tensor, shape, name)
    flat = values
    for size in shape[1:]:
        if any(not isinstance(each, list) or len(each) != size for each in flat):
            raise _refusal(name, "its values are not nested alike")
        flat = [inner for each in flat for inner in each]
    codec = codec_of(tensor.content_type)
    return array_of([_read(codec.from_json, each, name) for each in flat], shape)


def of_input(tensor: Tensor, sent: InputTensor) -> Array:
    """Return a tensor of the Open Inference Protocol as an array.

    Raises:
        InvalidInput: it has another datatype or shape, or its elements are not what they must be.
    """
    if sent.datatype != tensor.datatype:
        raise sent.refusal(f"its datatype must be {tensor.datatype}, not {sent.datatype}")
    # Clients send a column of one for a list.
    shape = sent.shape[:-1] if len(sent.shape) == len(tensor.shape) + 1 and sent.shape[-1] == 1 else sent.shape
    if not _fits(tensor.shape, shape):
        wanted = ", ".join("n" if size == -1 else str(size) for size in tensor.shape)
        raise sent.refusal(f"its shape must be [{wanted}], not {list(sent.shape)}")
    if tensor.datatype != "BYTES":
        return np.frombuffer(sent.content(), DTYPES[tensor.datatype]).reshape(shape)
    codec = codec_of(tensor.content_type)
    elements = sent.elements()
    is_base64 = sent.content_type == "base64"
    found = [
        _read(codec.from_text, each, sent.name)
        if isinstance(each, str)
        else _read(codec.from_text, each.decode("ascii", "replace"), sent.name)
        if is_base64
        else _read(codec.from_bytes, each, sent.name)
        for each in elements
    ]
    return array_of(found, shape)


def to_output(tensor: Tensor, array: Array) -> OutputTensor:
    """Return an array as a tensor of the Open Inference Protocol."""
    shape = tuple(int(size) for size in array.shape)
    if tensor.datatype != "BYTES":
        return OutputTensor(tensor.datatype, shape, array.ravel().tolist())
    codec = codec_of(tensor.content_type)
    files = [codec.to_bytes(each) for each in array.flat] if codec.is_base64 else None
    return OutputTensor("BYTES", shape, [codec.to_text(each) for each in array.flat], files)


def to_json(tensor: Tensor, array: Array) -> Any:
    """Return an array as nested lists of what JSON holds."""
    if tensor.datatype != "BYTES":
        return array.tolist()
    codec = codec_of(tensor.content_type)
    converted = array_of([codec.to_json(each) for each in array.flat], array.shape)
    return converted.tolist()


def as_array(tensor: Tensor, value: Any) -> Array:
    """Return what a model gave for an output as an array of the signature's datatype and shape.

    Raises:
        ValueError: it cannot be that; the message says why.
    """
    dtype = np.dtype(DTYPES[tensor.datatype])
    if tensor.datatype == "BYTES":
        array = value if isinstance(value, np.ndarray) else _objects_of(value, len(tensor.shape))
        array = array.astype(object)
        if tensor.content_type == JSON_TYPE:
            array = array_of([_plain_json(each) for each in array.flat], array.shape)
    else:
        array = np.asarray(value)
        if array.dtype.kind not in _KINDS[dtype.kind]:
            raise ValueError(f"its values are {array.dtype}, which is no {tensor.datatype}")
        array = array.astype(dtype)
    if not _fits(tensor.shape, array.shape):
        raise ValueError(f"its shape is {list(array.shape)}, and the signature's {list(tensor.shape)}")
    return array


# Kinds of NumPy's types that may become another: counts may become numbers with a fraction, and never the other way.
_KINDS = {"b": "b", "u": "ui", "i": "ui", "f": "fui", "O": "O"}


def _plain_json(value: Any) -> Any:
    """Return what JSON holds, for a value that may have numbers and arrays of NumPy in it.

    Raises:
        TypeError: JSON has no such value.
    """
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS))


def _objects_of(value: Any, rank: int) -> Array:
    values = list(value)
    shape = _nesting(values, rank - 1)
    flat: list[Any] = values
    for _ in shape[1:]:
        flat = [inner for each in flat for inner in each]
    return array_of(flat, shape)


def array_of(elements: Sequence[Any], shape: tuple[int, ...]) -> Array:
    """Return objects as an array of them."""
    array = np.empty(math.prod(shape), dtype=object)
    # One by one: NumPy would look into lists.
    for place, element in enumerate(elements):
        array[place] = element
    return array.reshape(shape)


def _read(read: Any, value: Any, name: str) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise _refusal(name, str(error)) from None


def _check_shape(tensor: Tensor, shape: tuple[int, ...], name: str) -> None:
    if not _fits(tensor.shape, shape):
        wanted = ", ".join("n" if size == -1 else str(size) for size in tensor.shape)
        raise _refusal(name, f"its shape must be [{wanted}], not {list(shape)}")


def _fits(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(wanted) == len(shape) and all(size in {-1, found} for size, found in zip(wanted, shape, strict=True))


def _refusal(name: str, reason: str) -> InvalidInput:
    return InvalidInput(f"The input '{shown(name)}' is not valid: {reason}.")
