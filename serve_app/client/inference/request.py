"""Requests for inference: what a caller gives is checked by what the model says of itself, and converted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

from serve_app.client.calls import Call, inference_path
from serve_app.client.inference.answer import read_prediction
from serve_app.client.inference.arrays import is_array
from serve_app.client.inference.datatypes import BYTES, HEADER_LENGTH
from serve_app.client.inference.parameters import check_parameters
from serve_app.client.inference.values import JSON, SentTensor, described, encode
from serve_app.client.payloads import Payload, json_payload
from serve_app.client.results import ModelDescription, Prediction, Tensor

OCTETS = "application/octet-stream"

# What the service takes into its logs as it is; it gives a request another identifier in place of any other.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class PredictOptions(TypedDict, total=False):
    """What may be said besides a model's inputs.

    Attributes:
        parameters: of the model, by name.
        outputs: names of the outputs that are wanted; those that the model always gives if left out.
        version: of the model; the one that the service answers with by default if left out.
        timeout_seconds: for this call, in place of the client's; it includes reading what the model takes.
        request_id: under which the service logs the request: up to 128 letters, digits and `._:/+=@-`.
        arrays: whether outputs are NumPy arrays, or nested lists; as the inputs are if left out.
    """

    parameters: Mapping[str, Any] | None
    outputs: Sequence[str] | None
    version: str | None
    timeout_seconds: float | None
    request_id: str | None
    arrays: bool | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants of a model; the members are those of `PredictOptions`."""

    model: str
    inputs: Any
    parameters: Mapping[str, Any] | None = None
    outputs: Sequence[str] | None = None
    version: str | None = None
    timeout_seconds: float | None = None
    request_id: str | None = None
    arrays: bool | None = None


def build(description: ModelDescription, asked: Asked) -> Call[Prediction]:
    """Return the request for what is asked of a model.

    Raises:
        ValueError: the model does not take it; the message names what is wrong and what the model takes.
        OSError: a file cannot be read.
    """
    given = by_name(description, asked.inputs)
    tensors = [_encoded(description, each, given[each.name]) for each in description.inputs if each.name in given]
    _check_rows(description, tensors)
    parameters = {name: _plain(value) for name, value in (asked.parameters or {}).items()}
    check_parameters(description.name, description.request_parameters, parameters)
    arrays = any(map(is_array, given.values())) if asked.arrays is None else asked.arrays
    wanted = _wanted(description, asked.outputs, as_arrays=arrays)
    if arrays and not wanted:
        parameters["binary_data_output"] = True
    message = {"parameters": parameters or None, "outputs": wanted or None}
    headers = {"accept": f"{OCTETS}, application/json, application/problem+json"} if arrays else {}
    if asked.request_id is not None:
        headers["x-request-id"] = _checked_id(asked.request_id)
    payload, more = _payload(tensors, message)
    return Call(
        "POST",
        f"{inference_path(asked.model, asked.version)}/infer",
        partial(read_prediction, description=description, as_arrays=arrays),
        asked.model,
        payload,
        timeout_seconds=asked.timeout_seconds,
        headers={**headers, **more},
    )


def by_name(description: ModelDescription, inputs: Any) -> Mapping[str, Any]:
    """Return inputs by name; one that has no name is the model's only input.

    Raises:
        ValueError: an input is not known or missing, or several are wanted.
    """
    names, required = [tensor.name for tensor in description.inputs], required_inputs(description)
    subject = f"The model '{description.name}'"
    if not _is_named(description, inputs):
        if len(required) != 1:
            raise ValueError(f"{subject} takes several inputs: give them by name, {_taken(description)}.")
        return {required[0]: inputs}
    if unknown := [name for name in inputs if name not in names]:
        raise ValueError(f"{subject} has no input '{unknown[0]}'; it takes {_taken(description)}.")
    # An input that the example does without stands in place of the others.
    missing = [name for name in required if name not in inputs]
    if missing and not set(inputs) - set(required):
        raise ValueError(f"{subject} takes {_taken(description)}; the input '{missing[0]}' is missing.")
    return dict(inputs)


def _is_named(description: ModelDescription, inputs: Any) -> bool:
    if not isinstance(inputs, Mapping):
        return False
    names = {tensor.name for tensor in description.inputs}
    is_json = len(names) == 1 and description.inputs[0].content_type == JSON
    return not is_json or set(inputs) == names


def required_inputs(description: ModelDescription) -> list[str]:
    """Return the names of the inputs that a request has: those of the model's own example, or all."""
    known = [tensor.name for tensor in description.inputs]
    shown = {each.get("name") for each in description.example_request.get("inputs", ())}
    return [name for name in known if name in shown] or known


def _taken(description: ModelDescription) -> str:
    return " and ".join(f"'{tensor.name}' ({described(tensor)})" for tensor in description.inputs)


def _encoded(description: ModelDescription, tensor: Tensor, value: Any) -> SentTensor:
    try:
        return encode(tensor, value)
    except ValueError as error:
        reason = str(error)
    subject = f"The input '{tensor.name}' of the model '{description.name}'"
    raise ValueError(f"{subject} must be {described(tensor)}: {reason}.")


def _check_rows(description: ModelDescription, tensors: Sequence[SentTensor]) -> None:
    if any(tensor.shape[:1] != (-1,) for tensor in (*description.inputs, *description.outputs)):
        return
    first = tensors[0]
    for tensor in tensors:
        if tensor.shape[0] != first.shape[0]:
            raise ValueError(
                f"The inputs of the model '{description.name}' must have the same number of rows: "
                f"'{first.name}' has {first.shape[0]}, '{tensor.name}' has {tensor.shape[0]}."
            )


def _wanted(description: ModelDescription, names: Sequence[str] | None, *, as_arrays: bool) -> list[dict[str, Any]]:
    if isinstance(names, str):
        names = [names]
    datatypes = {tensor.name: tensor.datatype for tensor in description.outputs}
    known = [*datatypes, *description.optional_outputs]
    wanted = []
    for name in names or ():
        if name not in known:
            raise ValueError(f"The model '{description.name}' has no output '{name}'; it gives {', '.join(known)}.")
        is_binary = as_arrays and datatypes.get(name, BYTES) != BYTES
        wanted.append({"name": name, **({"parameters": {"binary_data": True}} if is_binary else {})})
    return wanted


def _checked_id(request_id: str) -> str:
    if not _REQUEST_ID.fullmatch(request_id):
        raise ValueError("A request id has 1 to 128 characters: letters, digits and `._:/+=@-`.")
    return request_id


def _plain(value: Any) -> Any:
    return value.item() if is_array(value) and hasattr(value, "item") else value


def _payload(tensors: Sequence[SentTensor], message: dict[str, Any]) -> tuple[Payload, Mapping[str, str]]:
    inputs = [_about(tensor) for tensor in tensors]
    header = json_payload({"inputs": inputs, **message})
    binary = [tensor.data for tensor in tensors if isinstance(tensor.data, bytes)]
    if not binary or not isinstance(header.content, bytes):
        return header, {}
    return Payload(b"".join([header.content, *binary]), OCTETS), {HEADER_LENGTH: str(len(header.content))}


def _about(tensor: SentTensor) -> dict[str, Any]:
    about: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "datatype": tensor.datatype}
    if isinstance(tensor.data, bytes):
        return {**about, "parameters": {"binary_data_size": len(tensor.data)}}
    return {**about, "data": tensor.data}


def example_call(description: ModelDescription, version: str | None = None) -> Call[Prediction]:
    """Return the request that the model gives as its own example.

    Raises:
        ValueError: it gives none.
    """
    if not description.example_request:
        raise ValueError(f"The model '{description.name}' gives no example of a request.")
    return Call(
        "POST",
        f"{inference_path(description.name, version)}/infer",
        partial(read_prediction, description=description, as_arrays=False),
        description.name,
        json_payload(dict(description.example_request)),
    )
