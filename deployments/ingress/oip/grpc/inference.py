"""ModelInfer on its way through the pipeline."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterable

from deployments.codecs.body import Body
from deployments.codecs.tensors.messages import InferenceRequest
from deployments.contracts import ModelDescription
from deployments.errors import BadRequest
from deployments.ingress.context import RequestContext
from deployments.ingress.oip.grpc.calls import Call
from deployments.ingress.oip.grpc.protocol import Message, ModelInferRequest
from deployments.ingress.oip.grpc.requests import parse, read_request, read_tensors
from deployments.ingress.oip.grpc.responses import response_of
from deployments.ingress.pipeline import Endpoint, Protocol, Target
from deployments.ingress.protocols.headers import model_headers
from deployments.ingress.protocols.inference import InferenceWork, read_inference
from deployments.ingress.routing.table import Model, ModelTable
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings
from deployments.interface import RequestLimits, Work
from deployments.telemetry.observation import Observation

Requests = AsyncIterator[bytes]


class InferContext(RequestContext):
    """A call of ModelInfer.

    Args:
        call: who calls, until when.
        requests: a stream of one message.
        observation: what logs, traces and metrics are told.
        settings: the ingress's.

    Attributes:
        message: the request, once it is read.
    """

    noun = "message"

    __slots__ = ("_requests", "call", "message")

    def __init__(self, call: Call, requests: Requests, observation: Observation, settings: IngressSettings) -> None:
        super().__init__(observation, settings, call.request_id)
        self.call = call
        self._requests = requests
        self.message: Message = None
        if call.deadline is not None:
            self.bring_forward(max(call.deadline - time.time(), 0.0))

    def start_timer(self) -> None:
        """Begin to look after the request; a message comes as a whole or not, so it has until the deadline."""
        super().start_timer()
        self._body_until = math.inf

    @property
    def credentials(self) -> Iterable[tuple[bytes, bytes]]:
        """The call's metadata."""
        return self.call.headers

    @property
    def announced_bytes(self) -> int | None:
        """None: gRPC tells no length."""
        return None

    async def read(self) -> Body:
        """Read the one message of the call; see `RequestContext.read`."""
        content = await read_message(self._requests, self)
        self.observation.bytes_in = len(content)
        self.body_was_read = True
        return Body(content)


async def read_message(requests: Requests, context: InferContext) -> bytes:
    """Read the one message of a call.

    Raises:
        BadRequest: there is none, or more than one.
        PayloadTooLarge: it is longer than the limit.
    """
    content: bytes | None = None
    async for each in requests:
        if content is not None:
            raise BadRequest("The call has more than one message.")
        context.cover(len(each))
        content = each
    if content is None:
        raise BadRequest("The call has no message.")
    return content


class GrpcInference(Protocol[InferContext]):
    """Reads and writes the protocol's messages."""

    needs_model = True

    def decode(
        self,
        context: InferContext,
        body: Body,  # noqa: ARG002 - it is read already
        target: Target,
        limits: RequestLimits,
        description: ModelDescription | None,
    ) -> Work:
        """Read the tensors of a message."""
        message = context.message
        read: InferenceRequest = read_request(message)
        return read_inference(
            context,
            read,
            lambda: read_tensors(message, read.inputs),
            target.model.interface,
            limits,
            description=description,
        )

    def encode(self, context: InferContext, target: Target, work: Work, scored: Scored) -> Message:
        """Write the message, and what the client is told after it."""
        assert isinstance(work, InferenceWork)  # noqa: S101 - so does decode
        response = response_of(target, context.message, work, scored)
        headers = model_headers(
            target.model.name, target.version.name, scored.weights, scored.seconds, context.seconds()
        )
        context.call.trailing += ((name.decode(), value.decode()) for name, value in headers)
        return response


class InferEndpoint(Endpoint[InferContext]):
    """The way in for every model: the message names it.

    Args:
        table: the models.
    """

    def __init__(self, table: ModelTable) -> None:
        super().__init__(GrpcInference())
        self._table = table

    def model(self, context: InferContext) -> Model | None:  # noqa: ARG002
        """Return None: only the message tells."""
        return None

    def find(self, context: InferContext, body: Body) -> tuple[Model, str | None]:
        """Read the message, and find the model that it names."""
        context.message = parse(ModelInferRequest, body.content)
        if context.principal is not None:
            # Whether the model is there is not for everybody to know.
            context.principal.check_invoke(context.message.model_name)
        return self._table.find(context.message.model_name), context.message.model_version or None
