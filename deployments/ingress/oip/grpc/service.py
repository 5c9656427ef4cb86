"""The service: who calls, what they ask, what they are answered."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from deployments.errors import BadRequest, PayloadTooLarge, ScoringError
from deployments.ingress.access.principals import Principal
from deployments.ingress.door import Door
from deployments.ingress.endpoints import place_of
from deployments.ingress.health_routes import installed
from deployments.ingress.oip.grpc.calls import Call, CallContext
from deployments.ingress.oip.grpc.inference import InferContext, InferEndpoint
from deployments.ingress.oip.grpc.observing import observed
from deployments.ingress.oip.grpc.protocol import (
    Message,
    ModelMetadataRequest,
    ModelMetadataResponse,
    ModelReadyRequest,
    ModelReadyResponse,
    ServerLiveResponse,
    ServerMetadataResponse,
    ServerReadyResponse,
    message,
)
from deployments.ingress.oip.grpc.requests import parse
from deployments.ingress.oip.grpc.statuses import metadata_of, status_of
from deployments.ingress.oip.metadata import PRODUCT, TensorMetadata, metadata
from deployments.ingress.pipeline import Pipeline
from deployments.ingress.routing.table import Model, ModelTable, Version, is_ready
from deployments.ingress.settings import IngressSettings
from deployments.telemetry.observation import Observation, note_client, note_error, note_sent, note_status
from deployments.telemetry.observer import Observer

logger = logging.getLogger("ray.serve")

EXTENSIONS = ("parameters",)

Requests = AsyncIterator[bytes]
Method = Callable[[Requests, Call, Observation], Awaitable[Message]]


class InferenceService:
    """Answers calls by the names of their methods.

    Args:
        table: the models.
        door: what stands before every request, those over HTTP included.
        observer: is told of each call.
    """

    def __init__(self, table: ModelTable, door: Door, observer: Observer | None = None) -> None:
        self._table = table
        self._limits = door.limits
        self._guard = door.guard
        self._observer = observer or Observer()
        self._pipeline = Pipeline(door)
        self._infer = InferEndpoint(table)
        self._methods: dict[str, Method] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }

    async def __call__(self, method: str, requests: Requests, context: CallContext) -> Message:
        """Answer one call.

        Errors are set as the call's status: of what is raised, Ray would put the message, the stack trace or nothing
        into the answer. The message that is returned then goes nowhere.
        """
        call = Call.of(context)
        with observed(method, call, self._observer) as observation:
            try:
                response = await self._methods[method](requests, call, observation)
            except ScoringError as error:
                response = _refuse(method, error, call, context)
            except Exception as error:  # noqa: BLE001 - nothing unexpected may reach the client
                logger.error("Request %s failed: %s", call.request_id, place_of(error))  # noqa: TRY400
                response = _refuse(method, ScoringError(), call, context)
            note_sent(response.ByteSize())
        context.set_trailing_metadata(call.trailing)
        return response

    async def _admitted(self, call: Call) -> Principal:
        principal = await self._guard.admit(call.headers)
        note_client(principal.client_id)
        return principal

    async def _server_live(self, _requests: Requests, _call: Call, _observation: Observation) -> Message:
        return ServerLiveResponse(live=True)

    async def _server_ready(self, _requests: Requests, _call: Call, _observation: Observation) -> Message:
        missing = await self._table.not_ready(self._limits().readiness_timeout_seconds)
        return ServerReadyResponse(ready=not missing)

    async def _server_metadata(self, _requests: Requests, call: Call, _observation: Observation) -> Message:
        if not self._limits().access.open_docs:
            await self._admitted(call)
        version = installed(PRODUCT) or "unknown"
        return ServerMetadataResponse(name=PRODUCT, version=version, extensions=EXTENSIONS)

    async def _model_ready(self, requests: Requests, call: Call, _observation: Observation) -> Message:
        _, version = await self._described(ModelReadyRequest, requests, call)
        return ModelReadyResponse(ready=await is_ready(version, self._limits().readiness_timeout_seconds))

    async def _model_metadata(self, requests: Requests, call: Call, _observation: Observation) -> Message:
        model, version = await self._described(ModelMetadataRequest, requests, call)
        description = await version.stage.describe(self._limits().readiness_timeout_seconds)
        told = metadata(model, version, description)
        inputs, outputs = (
            [each.model_dump(include={"name", "datatype", "shape"}) for each in tensors]
            for tensors in (told.inputs, told.outputs)
        )
        return ModelMetadataResponse(
            name=told.name, versions=told.versions, platform=told.platform, inputs=inputs, outputs=outputs
        )

    async def _described(self, kind: Message, requests: Requests, call: Call) -> tuple[Model, Version]:
        principal = await self._admitted(call)
        request = parse(kind, await _read(requests, self._limits()))
        principal.check_describe(request.name)
        model = self._table.find(request.name)
        return model, model.version(request.version or None)

    async def _model_infer(self, requests: Requests, call: Call, observation: Observation) -> Message:
        context = InferContext(call, requests, observation, self._limits())
        try:
            response: Message = await self._pipeline.answer(context, self._infer)
            return response
        finally:
            if (admission := context.admission) is not None:
                call.trailing += ((name.lower(), value) for name, value in admission.headers.items())


def _tensor(described: TensorMetadata) -> dict[str, Any]:
    """Return what the protocol's message has room for."""
    return described.model_dump(include={"name", "datatype", "shape"})


async def _read(requests: Requests, settings: IngressSettings) -> bytes:
    """Read the one message of a call that only describes.

    Raises:
        BadRequest: there is none, or more than one.
        PayloadTooLarge: it is longer than the limit.
    """
    content: bytes | None = None
    async for each in requests:
        if content is not None:
            raise BadRequest("The call has more than one message.")
        if len(each) > settings.max_body_bytes:
            raise PayloadTooLarge(f"The message is larger than the limit of {settings.max_body_bytes} bytes.")
        content = each
    if content is None:
        raise BadRequest("The call has no message.")
    return content


def _refuse(method: str, error: ScoringError, call: Call, context: CallContext) -> Message:
    context.set_code(status_of(error))
    context.set_details(error.message)
    note_error(error.code)
    note_status(error.status)
    call.trailing += metadata_of(error)
    return message(f"{method}Response")()
