"""`POST /v2/models/{model}[/versions/{version}]/infer`."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.deadlines import before_deadline, deadline_of
from deployments.ingress.endpoints import Handler
from deployments.ingress.hang_ups import given_up_without_client
from deployments.ingress.large_bodies import size_of
from deployments.ingress.models import Model, ModelTable, Takes, Version
from deployments.ingress.oip.inference import Descriptions
from deployments.ingress.oip.kinds import Answered, answer
from deployments.ingress.oip.messages import InferenceRequest, read_message
from deployments.ingress.oip.outputs import response_of
from deployments.ingress.oip.tensors import read_inputs
from deployments.ingress.quotas.request_admission import limits_for
from deployments.ingress.score_routes import model_headers
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings, Limits


def infer_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler that answers for whichever model the path names."""
    descriptions = Descriptions()

    async def infer(request: Request) -> Response:
        started = time.perf_counter()
        settings = limits_for(request, limits)
        model = table.find(request.path_params["model"])
        version = model.version(request.path_params.get("version"))
        version.check_room()
        work = partial(
            _infer,
            request=request,
            takes=model.takes,
            version=version,
            settings=settings,
            descriptions=descriptions,
        )
        message, answered = await before_deadline(request, settings, work)
        headers = model_headers(model, version, answered.scored, time.perf_counter() - started)
        content = _content(model, version, message, answered.scored)
        return response_of(content, answered.outputs, answered.wanted, headers)

    return infer


async def _infer(
    _deadline: float,
    *,
    request: Request,
    takes: Takes,
    version: Version,
    settings: IngressSettings,
    descriptions: Descriptions,
) -> tuple[InferenceRequest, Answered]:
    message, binary = await read_message(request, settings)
    tensors = partial(read_inputs, message.inputs, binary)
    with given_up_without_client(request):
        answered = await answer(
            message,
            tensors,
            takes=takes,
            version=version,
            settings=settings,
            size=size_of(request),
            deadline=deadline_of(request),
            descriptions=descriptions,
        )
    return message, answered


def _content(model: Model, version: Version, message: InferenceRequest, scored: Scored) -> dict[str, Any]:
    content: dict[str, Any] = {"model_name": model.name, "model_version": version.name}
    if message.id is not None:
        content["id"] = message.id
    if scored.weights == "untrained":
        content["parameters"] = {"weights": scored.weights}
    return content
