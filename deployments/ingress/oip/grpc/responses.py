"""From outputs to a ModelInferResponse."""

from __future__ import annotations

from deployments.ingress.models import Model, Version
from deployments.ingress.oip.grpc.protocol import Message, ModelInferResponse
from deployments.ingress.oip.grpc.requests import CONTENTS
from deployments.ingress.oip.kinds import Answered
from deployments.ingress.oip.outputs import OutputTensor


def response_of(model: Model, version: Version, request: Message, answered: Answered) -> Message:
    """Return the response: raw where the request was, or wants an output so, else typed as it was.

    All outputs are raw or none is: the protocol cannot tell them apart.
    """
    wanted = answered.wanted
    is_raw = bool(request.raw_input_contents) or wanted.all_binary or any(wanted.binary.values())
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
