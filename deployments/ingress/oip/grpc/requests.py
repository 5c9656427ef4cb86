"""From a ModelInferRequest to what every form of the protocol reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from deployments.codecs.json_bodies import parse_fields, shown
from deployments.codecs.tensors.binary import BINARY_SIZE
from deployments.codecs.tensors.inputs import InputTensor, content_type_of
from deployments.codecs.tensors.messages import InferenceRequest, Parameters, RequestInput
from deployments.errors import BadRequest, InvalidInput
from deployments.ingress.oip.grpc.parts import INFER_REQUEST, check_parts
from deployments.ingress.oip.grpc.protocol import Message, ModelInferRequest

# The field that holds the elements of each datatype; those of 16 bits have none.
CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
    "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip


def parse(kind: Message, content: bytes) -> Message:
    """Read a message.

    Raises:
        BadRequest: the bytes are none of this kind.
        InvalidInput: it has more parts than the limit.
    """
    if kind is ModelInferRequest:
        check_parts(content, INFER_REQUEST)
    try:
        return kind.FromString(content)
    except DecodeError:
        raise BadRequest(f"The bytes are no {kind.DESCRIPTOR.name}.") from None


def read_request(request: Message) -> InferenceRequest:
    """Read all but the elements of tensors.

    Raises:
        InvalidInput: a field is not valid.
    """
    content = {
        "id": request.id or None,
        "parameters": _parameters(request.parameters),
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
                "parameters": _parameters(tensor.parameters),
            }
            for tensor in request.inputs
        ],
        "outputs": [{"name": output.name, "parameters": _parameters(output.parameters)} for output in request.outputs],
    }
    return parse_fields(content, InferenceRequest)


def _parameters(given: Any) -> Parameters:
    parameters = {}
    for name, value in given.items():
        choice = value.WhichOneof("parameter_choice")
        if choice is None:
            raise InvalidInput(f"The parameter '{shown(name)}' has no value.")
        parameters[name] = getattr(value, choice)
    return parameters


def read_tensors(request: Message, inputs: Sequence[RequestInput]) -> list[InputTensor]:
    """Give each input its elements: all from raw_input_contents, or each from its own contents.

    Args:
        request: the request.
        inputs: the same inputs as they were read from it.

    Raises:
        InvalidInput: elements are missing, are there twice, or stand in a field of another datatype.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(inputs):
        raise InvalidInput(f"There are {len(raw)} raw_input_contents for {len(inputs)} inputs; send one for each.")
    tensors = []
    for place, (each, sent) in enumerate(zip(inputs, request.inputs, strict=True)):
        data: Sequence[Any] | memoryview = _raw(each, sent, raw[place]) if raw else _typed(each, sent)
        kind = content_type_of(each, known=(BINARY_SIZE,))
        _check_size(each, data)
        tensors.append(InputTensor(each.name, each.datatype, tuple(each.shape), data, kind))
    return tensors


def _check_size(each: RequestInput, data: Sequence[Any] | memoryview) -> None:
    # Clients of KServe tell it over gRPC too.
    size = each.parameters.get(BINARY_SIZE)
    if size is not None and not (isinstance(data, memoryview) and size == len(data)):
        raise InvalidInput(
            f"The parameter '{BINARY_SIZE}' of the input '{shown(each.name)}' is not the size of its "
            "raw_input_contents."
        )


def _raw(each: RequestInput, sent: Message, content: bytes) -> memoryview:
    if sent.contents.ListFields():
        raise InvalidInput(f"The input '{shown(each.name)}' has contents beside raw_input_contents; send one of them.")
    return memoryview(content)


def _typed(each: RequestInput, sent: Message) -> Sequence[Any]:
    field = CONTENTS.get(each.datatype)
    if field is None:
        raise InvalidInput(f"The input '{shown(each.name)}' of {each.datatype} must come in raw_input_contents.")
    wrong = [found.name for found, _ in sent.contents.ListFields() if found.name != field]
    if wrong:
        raise InvalidInput(
            f"The input '{shown(each.name)}' of {each.datatype} must have its elements in {field}, not {wrong[0]}."
        )
    # As it is: a tensor's elements are looked at when its name and shape are known to be right.
    elements: Sequence[Any] = getattr(sent.contents, field)
    return elements
