"""Azure Machine Learning's protocol: `/api/v1/service/{model}/score`, as its web services on AKS have it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from deployments.codecs.body import Body, media_type_of
from deployments.contracts import ModelDescription
from deployments.errors import Overloaded, ScoringError, TooManyPending
from deployments.ingress.endpoints import Handler, endpoint
from deployments.ingress.http_context import HttpContext
from deployments.ingress.http_response import HttpResponse
from deployments.ingress.pipeline import Protocol, Target
from deployments.ingress.protocols.headers import RawHeaders
from deployments.ingress.protocols.reference import ModelEndpoint, computed, json_response
from deployments.ingress.request_ids import REQUEST_ID, is_harmless, request_id_of
from deployments.ingress.routing.table import ModelTable
from deployments.ingress.scoring import Scored
from deployments.interface import RequestLimits, Work, Written

DEPLOYMENT = "azureml-model-deployment"
SERVER_REQUEST_ID = "x-ms-request-id"
CLIENT_REQUEST_ID = "x-ms-client-request-id"

_DEPLOYMENT, _SERVER_REQUEST_ID = DEPLOYMENT.encode(), SERVER_REQUEST_ID.encode()
_CLIENT_REQUEST_ID = CLIENT_REQUEST_ID.encode()


class AzureML(Protocol[HttpContext]):
    """Reads `data` or what the references' protocol has; answers `data` with a list of as many places."""

    def check(self, context: HttpContext, target: Target) -> None:
        """Leave it to the interface."""
        target.model.interface.check_azure(media_type_of(context.header(b"content-type") or ""))

    def decode(
        self,
        context: HttpContext,  # noqa: ARG002
        body: Body,
        target: Target,
        limits: RequestLimits,
        description: ModelDescription | None,  # noqa: ARG002
    ) -> Work:
        """Leave it to the interface."""
        return target.model.interface.read_azure(body, limits)

    def encode(self, context: HttpContext, target: Target, work: Work, scored: Scored) -> HttpResponse:
        """Write the result."""
        written: Written = work.write(scored.results)
        seconds = context.seconds()
        content = {"result": written.result, **written.beside} if work.in_order else computed(written, seconds)
        response = json_response(target, scored, seconds, content)
        response.headers.append((_DEPLOYMENT, target.version.name.encode()))
        return response

    def told(self, error: ScoringError) -> ScoringError:
        """Tell a full queue by 429."""
        return with_its_status(error)

    def headers(self, context: HttpContext) -> RawHeaders:
        """Return the identifiers that every response of a service carries."""
        headers = [(_SERVER_REQUEST_ID, context.request_id.encode())]
        if is_harmless(client_id := context.header(_CLIENT_REQUEST_ID) or ""):
            headers.append((_CLIENT_REQUEST_ID, client_id.encode()))
        return headers


class AzureEndpoint(ModelEndpoint):
    """A service's score route; a request may name one version by the header."""

    def version(self, context: HttpContext) -> str | None:
        """Return what the header names."""
        return context.header(_DEPLOYMENT)


def with_its_status(error: ScoringError) -> ScoringError:
    """Return an error as Azure Machine Learning tells it: a full queue is 429."""
    if not isinstance(error, Overloaded):
        return error
    return TooManyPending(error.message)


def service_route(table: ModelTable) -> Handler:
    """Return the handler of `/api/v1/service/{model}/`: clients see by it that the service is there."""

    async def healthy(request: Request) -> Response:
        table.find(request.path_params["model"])
        return PlainTextResponse("Healthy")

    return healthy


def azure_route(handler: Handler) -> Handler:
    """Do what every endpoint does, with this protocol's statuses and headers; for routes that do not score."""
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
            raise with_its_status(error) from None

    return answer
