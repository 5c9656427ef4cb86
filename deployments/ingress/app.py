"""The ASGI application: every route of the service."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.ingress.access.guard import describing_named, invoking_named
from deployments.ingress.access.token_route import TOKEN_PATH, token_route
from deployments.ingress.azure_ml_swagger import SERVICE, swagger_route
from deployments.ingress.docs_routes import docs_routes
from deployments.ingress.door import Door
from deployments.ingress.endpoints import Handler, endpoint, http_error
from deployments.ingress.gateway import Gateway, ScoringPath
from deployments.ingress.health_routes import healthy, live, ready_route, version_route
from deployments.ingress.observing import Observed
from deployments.ingress.oip.metadata import model_ready_route, model_route, server_route
from deployments.ingress.pipeline import Pipeline
from deployments.ingress.protocols.azure_ml import AzureEndpoint, AzureML, azure_route, service_route
from deployments.ingress.protocols.inference import OpenInference
from deployments.ingress.protocols.reference import ModelEndpoint, Reference, dispatch_endpoint
from deployments.ingress.quotas.gate import QuotaGate
from deployments.ingress.routing.table import Model, ModelTable
from deployments.telemetry.observer import Observer

REFERENCE, AZURE_ML, OPEN_INFERENCE = "reference", "azureml", "oip"


def build_app(table: ModelTable, door: Door, observer: Observer | None = None) -> Gateway:
    """Put the routes together.

    Args:
        table: the models.
        door: what stands before every request; other transports may share it.
        observer: is told of each request.
    """
    observer = observer or Observer()
    paths = dict(scoring_paths(table))
    routes: list[BaseRoute] = [
        # For their other methods: what scores never comes here. The last have patterns below.
        *(
            Route(path, endpoint(_unreached), methods=["POST"])
            for path, place in paths.items()
            if place.protocol != OPEN_INFERENCE
        ),
        Route("/", endpoint(healthy)),
        Route("/version", endpoint(door.guard.documents(version_route()))),
        *_azure_routes(table, door),
        *_inference_routes(table, door),
        *docs_routes(table, door.limits, door.guard),
    ]
    others = Starlette(routes=routes, exception_handlers={HTTPException: http_error})
    # A redirect would be built from the Host header, which the client chooses.
    others.router.redirect_slashes = False
    return Gateway(paths, Pipeline(door), Observed(others, table, observer), observer, door.limits, routes)


class CurrentApp:
    """The application of the newest table of models; requests that are under way stay with theirs."""

    def __init__(self) -> None:
        # Ray Serve begins the application's life before there is a table; requests come after.
        self._app: ASGIApp = Starlette()
        self.is_there = False

    def replace(self, app: ASGIApp) -> None:
        """Have another application answer from now on."""
        self._app, self.is_there = app, True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)


def scoring_paths(table: ModelTable) -> Iterator[tuple[str, ScoringPath]]:
    """Give each path by which requests are scored, and what answers there."""
    reference, azure, inference = Reference(), AzureML(), OpenInference()
    yield "/score", ScoringPath(dispatch_endpoint(reference, table), REFERENCE)
    for model in table:
        default = model.version().name
        yield f"/{model.name}/score", ScoringPath(ModelEndpoint(reference, model), REFERENCE, model.name, default)
        service = f"{SERVICE.format(model=model.name)}score"
        yield service, ScoringPath(AzureEndpoint(azure, model), AZURE_ML, model.name, default)
        infer = ModelEndpoint(inference, model)
        yield f"/v2/models/{model.name}/infer", ScoringPath(infer, OPEN_INFERENCE, model.name, default)
        yield from _paths_of_versions(model, reference, inference)


def _paths_of_versions(
    model: Model, reference: Reference, inference: OpenInference
) -> Iterator[tuple[str, ScoringPath]]:
    for version in model.versions:
        scored = ModelEndpoint(reference, model, version)
        yield f"/{model.name}/versions/{version}/score", ScoringPath(scored, REFERENCE, model.name, version)
        inferred = ModelEndpoint(inference, model, version)
        path = f"/v2/models/{model.name}/versions/{version}/infer"
        yield path, ScoringPath(inferred, OPEN_INFERENCE, model.name, version)


async def _unreached(_request: Request) -> Response:
    raise NotImplementedError


def _azure_routes(table: ModelTable, door: Door) -> list[BaseRoute]:
    gate = QuotaGate(door.quotas, [model.name for model in table])
    swagger = door.guard(swagger_route(table, door.limits), describing_named)
    token = door.bounded.handler(door.guard(gate(token_route(table, door.guard)), invoking_named))
    return [
        Route(SERVICE, azure_route(door.guard(service_route(table), describing_named))),
        Route(f"{SERVICE}swagger.json", azure_route(swagger)),
        Route(TOKEN_PATH, azure_route(token), methods=["POST"]),
    ]


def _inference_routes(table: ModelTable, door: Door) -> list[BaseRoute]:
    limits, guard = door.limits, door.guard
    missing = door.bounded.handler(guard(_missing_route(table), invoking_named))
    routes: list[BaseRoute] = [
        Route("/v2", endpoint(guard.documents(server_route()))),
        Route("/v2/health/live", endpoint(live)),
        Route("/v2/health/ready", endpoint(ready_route(table, limits))),
    ]
    for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        routes += [
            Route(path, endpoint(guard(model_route(table, limits), describing_named))),
            Route(f"{path}/ready", endpoint(guard(model_ready_route(table, limits), describing_named))),
            Route(f"{path}/infer", endpoint(missing), methods=["POST"]),
        ]
    return routes


def _missing_route(table: ModelTable) -> Handler:
    """Return the handler for models and versions that are not there."""

    async def refuse(request: Request) -> Response:
        table.find(request.path_params["model"]).version(request.path_params.get("version"))
        raise NotImplementedError

    return refuse
