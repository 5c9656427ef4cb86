"""From outputs to a ModelInferResponse."""

from __future__ import annotations

from deployments.errors import InvalidInput
from deployments.ingress.models import Model, Version
from deployments.ingress.oip.grpc.protocol import Message, ModelInferResponse
from deployments.ingress.oip.grpc.requests import CONTENTS
from deployments.ingress.oip.kinds import Answered
from deployments.ingress.oip.outputs import BINARY_DATA, OutputTensor


def response_of(model: Model, version: Version, request: Message, answered: Answered) -> Message:
    """Return the response: raw where the request was, or asks for it, else typed as it was.

    Raises:
        InvalidInput: the request wants some outputs raw and others not, which the protocol cannot tell.
    """
    if answered.wanted.binary:
        raise InvalidInput(f"Over gRPC no single output has '{BINARY_DATA}'; set binary_data_output of the request.")
    is_raw = bool(request.raw_input_contents) or answered.wanted.all_binary
    response = ModelInferResponse(model_name=model.name, model_version=version.name, id=request.id)
    if answered.scored.weights == "untrained":
        response.parameters["weights"].string_param = answered.scored.weights
    for name in answered.wanted.names or answered.outputs:
        _add(response, name, answered.outputs[name](), is_raw=is_raw)
    return response


def _add(response: Message, name: str, tensor: OutputTensor, *, is_raw: bool) -> None:
    output = response.outputs.add(name=name, datatype=tensor.datatype, shape=tensor.shape)
    if is_raw:
        response.raw_output_contents.append(tensor.packed())
        return
    values = [text.encode() for text in tensor.values] if tensor.datatype == "BYTES" else tensor.values
    getattr(output.contents, CONTENTS[tensor.datatype]).extend(values)
