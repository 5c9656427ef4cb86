"""`POST /v2/models/{model}[/versions/{version}]/infer`: the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployments.codecs.body import Body, media_type_of
from deployments.codecs.json_bodies import parse_fields
from deployments.codecs.tensors.binary import HEADER_LENGTH, split
from deployments.codecs.tensors.inputs import InputTensor, read_inputs
from deployments.codecs.tensors.messages import InferenceRequest, check_media_type, parse_message
from deployments.codecs.tensors.outputs import Outputs, Wanted, read_wanted, write_outputs
from deployments.codecs.tensors.parameters import MICROSECONDS, known_parameters
from deployments.contracts import ModelDescription
from deployments.ingress.context import RequestContext
from deployments.ingress.http_context import HttpContext
from deployments.ingress.http_response import JSON, OCTETS, HttpResponse
from deployments.ingress.pipeline import Protocol, Target
from deployments.ingress.protocols.reference import headers_of
from deployments.ingress.scoring import Scored
from deployments.interface import Inference, Interface, RequestLimits, Work

_HEADER_LENGTH = HEADER_LENGTH.encode()


class InferenceWork(Work):
    """Work of a request for inference.

    Attributes:
        message: the request.
        wanted: the outputs that it wants.
    """

    message: InferenceRequest
    wanted: Wanted


class OpenInference(Protocol[HttpContext]):
    """Reads and writes tensors, in JSON or as binary data behind it."""

    needs_model = True

    def check(self, context: HttpContext, target: Target) -> None:  # noqa: ARG002
        """Take JSON, and JSON with binary data behind it."""
        encoding = context.header(b"content-encoding") or "identity"
        check_media_type(media_type_of(context.header(b"content-type") or ""), encoding)

    def decode(
        self,
        context: HttpContext,
        body: Body,
        target: Target,
        limits: RequestLimits,
        description: ModelDescription | None,
    ) -> Work:
        """Read the JSON, then the tensors."""
        header, binary = split(body.content, context.header(_HEADER_LENGTH))
        message = parse_message(header)
        return read_inference(
            context,
            message,
            lambda: read_inputs(message.inputs, binary),
            target.model.interface,
            limits,
            description=description,
        )

    def encode(self, context: HttpContext, target: Target, work: Work, scored: Scored) -> HttpResponse:
        """Write the tensors that are wanted."""
        assert isinstance(work, InferenceWork)  # noqa: S101 - so does decode
        outputs: Outputs = work.write(scored.results)
        header, binary = write_outputs(_content(target, work.message, scored), outputs, work.wanted)
        headers = headers_of(target, scored, context.seconds())
        if not binary:
            return HttpResponse(header, [JSON, *headers])
        headers.append((_HEADER_LENGTH, b"%d" % len(header)))
        return HttpResponse(b"".join([header, *binary]), [OCTETS, *headers])


def read_inference(
    context: RequestContext,
    message: InferenceRequest,
    read_tensors: Callable[[], list[InputTensor]],
    interface: Interface,
    limits: RequestLimits,
    *,
    description: ModelDescription | None,
) -> InferenceWork:
    """Read what a request for inference asks of a model, however it was sent.

    Args:
        context: the request; its own time limit brings its deadline forward.
        message: all of it but the elements of its tensors.
        read_tensors: gives its inputs their data, once everything else is known to be right.
        interface: the model's.
        limits: of the request.
        description: what the model says of itself, for interfaces that ask for it.

    Raises:
        InvalidInput: it is not valid.
    """
    parameters = parse_fields(known_parameters(message.parameters), interface.parameters, noun="parameter")
    wanted = read_wanted(message, interface.outputs, all_binary=parameters.binary_data_output)
    tensors = read_tensors()
    if parameters.timeout:
        context.bring_forward(parameters.timeout / MICROSECONDS)
    work = interface.read_tensors(Inference(tensors, parameters, wanted, limits, description))
    found = InferenceWork(work.items, work.write, work.name, work.accept, work.explain)
    found.message, found.wanted = message, wanted
    return found


def _content(target: Target, message: InferenceRequest, scored: Scored) -> dict[str, Any]:
    content: dict[str, Any] = {"model_name": target.model.name, "model_version": target.version.name}
    if message.id is not None:
        content["id"] = message.id
    if scored.weights == "untrained":
        content["parameters"] = {"weights": scored.weights}
    return content
