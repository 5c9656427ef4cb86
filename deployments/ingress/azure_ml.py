"""Azure Machine Learning's protocol: `/api/v1/service/{model}/score`, as its web services on AKS have it."""

from __future__ import annotations

import time
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from deployments.errors import Overloaded, TooManyPending
from deployments.ingress.azure_ml_bodies import SCORERS, AzureScored
from deployments.ingress.deadlines import before_deadline
from deployments.ingress.endpoints import Handler, endpoint
from deployments.ingress.models import Model, ModelTable
from deployments.ingress.quotas.request_admission import limits_for
from deployments.ingress.request_ids import REQUEST_ID, is_harmless, request_id_of
from deployments.ingress.score_routes import reference_content, scored_response
from deployments.ingress.settings import Limits

DEPLOYMENT = "azureml-model-deployment"
SERVER_REQUEST_ID = "x-ms-request-id"
CLIENT_REQUEST_ID = "x-ms-client-request-id"


def azure_score_route(model: Model, limits: Limits) -> Handler:
    """Return the handler of a service's score route; a request may name one version by the header."""
    scorer = SCORERS[model.takes]

    async def score(request: Request) -> Response:
        started = time.perf_counter()
        settings = limits_for(request, limits)
        version = model.version(request.headers.get(DEPLOYMENT))
        version.check_room()
        answer: AzureScored = await before_deadline(request, settings, partial(scorer, request, version, settings))
        seconds = time.perf_counter() - started
        content = reference_content(answer.scored, seconds)
        if answer.in_order:
            content["result"] = answer.scored.result
        response = scored_response(model, version, answer.scored, seconds, content)
        response.headers[DEPLOYMENT] = version.name
        return response

    return score


def service_route(table: ModelTable) -> Handler:
    """Return the handler of `/api/v1/service/{model}/`: clients see by it that the service is there."""

    async def healthy(request: Request) -> Response:
        table.find(request.path_params["model"])
        return PlainTextResponse("Healthy")

    return healthy


def azure_endpoint(handler: Handler) -> Handler:
    """Do what every endpoint does, with the status codes and headers of Azure Machine Learning."""
    answer = endpoint(_with_its_statuses(handler))

    async def marked(request: Request) -> Response:
        response = await answer(request)
        response.headers[SERVER_REQUEST_ID] = response.headers.get(REQUEST_ID) or request_id_of(request)
        if is_harmless(client_id := request.headers.get(CLIENT_REQUEST_ID, "")):
            response.headers[CLIENT_REQUEST_ID] = client_id
        return response

    return marked


def _with_its_statuses(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Overloaded as error:
            raise TooManyPending(error.message) from None

    return answer
