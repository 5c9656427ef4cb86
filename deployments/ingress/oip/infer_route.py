"""`POST /v2/models/{model}[/versions/{version}]/infer`."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.deadlines import before_deadline, bring_forward
from deployments.ingress.endpoints import Handler
from deployments.ingress.json_bodies import parse_fields
from deployments.ingress.models import Model, ModelTable, Takes, Version
from deployments.ingress.oip.images import IMAGES
from deployments.ingress.oip.inference import MICROSECONDS, Descriptions, Inference, Kind, known_parameters
from deployments.ingress.oip.messages import InferenceRequest, read_message
from deployments.ingress.oip.outputs import Outputs, Wanted, read_wanted, response_of
from deployments.ingress.oip.questions import QUESTIONS
from deployments.ingress.oip.tensors import read_inputs
from deployments.ingress.score_routes import model_headers
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings, Limits

KINDS: dict[Takes, Kind] = {"text": QUESTIONS, "images": IMAGES}


def infer_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler that answers for whichever model the path names."""
    descriptions = Descriptions()

    async def infer(request: Request) -> Response:
        started = time.perf_counter()
        settings = limits()
        model = table.find(request.path_params["model"])
        version = model.version(request.path_params.get("version"))
        version.check_room()
        work = partial(
            _infer,
            request=request,
            kind=KINDS[model.takes],
            version=version,
            settings=settings,
            descriptions=descriptions,
        )
        message, wanted, outputs, scored = await before_deadline(request, settings, work)
        headers = model_headers(model, version, scored, time.perf_counter() - started)
        return response_of(_content(model, version, message, scored), outputs, wanted, headers)

    return infer


async def _infer(
    deadline: float,
    *,
    request: Request,
    kind: Kind,
    version: Version,
    settings: IngressSettings,
    descriptions: Descriptions,
) -> tuple[InferenceRequest, Wanted, Outputs, Scored]:
    message, binary = await read_message(request, settings)
    parameters = parse_fields(known_parameters(message.parameters), kind.parameters, noun="parameter")
    wanted = read_wanted(message, kind.outputs, all_binary=parameters.binary_data_output)
    inputs = read_inputs(message.inputs, binary)
    if parameters.timeout:
        deadline = bring_forward(request, parameters.timeout / MICROSECONDS)
    inference = Inference(request, version, settings, deadline, inputs, parameters, wanted, descriptions)
    outputs, scored = await kind.infer(inference)
    return message, wanted, outputs, scored


def _content(model: Model, version: Version, message: InferenceRequest, scored: Scored) -> dict[str, Any]:
    content: dict[str, Any] = {"model_name": model.name, "model_version": version.name}
    if message.id is not None:
        content["id"] = message.id
    if scored.weights == "untrained":
        content["parameters"] = {"weights": scored.weights}
    return content
