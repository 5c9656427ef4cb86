"""From outputs to a ModelInferResponse."""

from __future__ import annotations

from deployments.codecs.tensors.outputs import Outputs, OutputTensor
from deployments.ingress.oip.grpc.protocol import Message, ModelInferResponse
from deployments.ingress.oip.grpc.requests import CONTENTS
from deployments.ingress.pipeline import Target
from deployments.ingress.protocols.inference import InferenceWork
from deployments.ingress.scoring import Scored


def response_of(target: Target, request: Message, work: InferenceWork, scored: Scored) -> Message:
    """Return the response: raw where the request was, or wants an output so, or no field can hold one; else typed.

    All outputs are raw or none is: the protocol cannot tell them apart.
    """
    wanted = work.wanted
    outputs: Outputs = work.write(scored.results)
    tensors = {name: outputs[name]() for name in wanted.names or outputs}
    wants_raw = bool(request.raw_input_contents) or wanted.all_binary or any(wanted.binary.values())
    is_raw = wants_raw or any(tensor.datatype not in CONTENTS for tensor in tensors.values())
    response = ModelInferResponse(model_name=target.model.name, model_version=target.version.name, id=request.id)
    if scored.weights == "untrained":
        response.parameters["weights"].string_param = scored.weights
    for name, tensor in tensors.items():
        _add(response, name, tensor, is_raw=is_raw)
    return response


def _add(response: Message, name: str, tensor: OutputTensor, *, is_raw: bool) -> None:
    output = response.outputs.add(name=name, datatype=tensor.datatype, shape=tensor.shape)
    if is_raw:
        response.raw_output_contents.append(tensor.packed())
        return
    values = tensor.octets() if tensor.datatype == "BYTES" else tensor.values
    getattr(output.contents, CONTENTS[tensor.datatype]).extend(values)
