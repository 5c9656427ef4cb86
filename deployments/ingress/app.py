"""The ASGI application: every route of the service."""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from deployments.ingress.access.guard import Need, anybody, describing_named, invoking, invoking_named
from deployments.ingress.access.token_route import TOKEN_PATH, token_route
from deployments.ingress.azure_ml import azure_endpoint, azure_score_route, service_route
from deployments.ingress.azure_ml_swagger import SERVICE, swagger_route
from deployments.ingress.bare_route import bare_route
from deployments.ingress.docs_routes import docs_routes
from deployments.ingress.door import Door
from deployments.ingress.endpoints import Handler, endpoint, http_error
from deployments.ingress.health_routes import healthy, live, ready_route, version_route
from deployments.ingress.models import ModelTable
from deployments.ingress.oip.infer_route import infer_route
from deployments.ingress.oip.metadata import model_ready_route, model_route, server_route
from deployments.ingress.quotas.gate import QuotaGate
from deployments.ingress.score_routes import score_route
from deployments.ingress.settings import Limits

# Puts what stands before every request that scores before a handler, for a model or (None) the one that the path names.
Enter = Callable[[Handler, Need, str | None], Handler]


class ScoringApp(Starlette):
    """A Starlette application with a short way for the requests that matter.

    Args:
        scorers: handlers of POST requests by path. They stand among the routes too, for other methods and for paths
            under a root path; here they skip what Starlette does for each request: a fifth of the ingress's work.
        routes: all routes.
    """

    def __init__(self, scorers: dict[str, Handler], routes: list[BaseRoute]) -> None:
        super().__init__(routes=routes, exception_handlers={HTTPException: http_error})
        self._scorers = scorers
        # A redirect would be built from the Host header, which the client chooses.
        self.router.redirect_slashes = False

    @property
    def scoring_paths(self) -> Collection[str]:
        """Paths of the requests that matter."""
        return self._scorers.keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and (scorer := self._scorers.get(scope["path"])):
            response = await scorer(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_app(table: ModelTable, door: Door) -> ScoringApp:
    """Put the routes together, behind a door that other transports may share."""
    gate = QuotaGate(door.quotas, [model.name for model in table])

    def enter(handler: Handler, need: Need, model: str | None) -> Handler:
        return door.bounded(door.guard(gate(handler, model), need))

    infer = endpoint(enter(infer_route(table, door.limits), invoking_named, None))
    scorers = {
        **_reference_scorers(table, door.limits, enter),
        **_azure_scorers(table, door.limits, enter),
        "/score": endpoint(door.bounded(door.guard(_bare_route(table, door.limits, gate), anybody))),
    }
    routes: list[BaseRoute] = [Route(path, scorer, methods=["POST"]) for path, scorer in scorers.items()]
    routes += [
        Route("/", endpoint(healthy)),
        Route("/version", endpoint(door.guard.documents(version_route()))),
        *_azure_routes(table, door, enter),
        *_inference_routes(table, door, infer),
        *docs_routes(table, door.limits, door.guard),
    ]
    return ScoringApp({**scorers, **_inference_scorers(table, infer)}, routes)


def _bare_route(table: ModelTable, limits: Limits, gate: QuotaGate) -> Handler:
    # Which role it needs shows only when the body is read; the route itself asks for it.
    return bare_route(table, limits, {model.name: gate(score_route(model, limits), model.name) for model in table})


def _reference_scorers(table: ModelTable, limits: Limits, enter: Enter) -> dict[str, Handler]:
    scorers = {}
    for model in table:
        need = invoking(model.name)
        scorers[f"/{model.name}/score"] = endpoint(enter(score_route(model, limits), need, model.name))
        for version in model.versions:
            scorer = enter(score_route(model, limits, version), need, model.name)
            scorers[f"/{model.name}/versions/{version}/score"] = endpoint(scorer)
    return scorers


def _azure_scorers(table: ModelTable, limits: Limits, enter: Enter) -> dict[str, Handler]:
    return {
        f"{SERVICE.format(model=model.name)}score": azure_endpoint(
            enter(azure_score_route(model, limits), invoking(model.name), model.name)
        )
        for model in table
    }


def _azure_routes(table: ModelTable, door: Door, enter: Enter) -> list[BaseRoute]:
    swagger = door.guard(swagger_route(table, door.limits), describing_named)
    return [
        Route(SERVICE, azure_endpoint(door.guard(service_route(table), describing_named))),
        Route(f"{SERVICE}swagger.json", azure_endpoint(swagger)),
        Route(
            TOKEN_PATH, azure_endpoint(enter(token_route(table, door.guard), invoking_named, None)), methods=["POST"]
        ),
    ]


def _inference_routes(table: ModelTable, door: Door, infer: Handler) -> list[BaseRoute]:
    limits, guard = door.limits, door.guard
    routes: list[BaseRoute] = [
        Route("/v2", endpoint(guard.documents(server_route()))),
        Route("/v2/health/live", endpoint(live)),
        Route("/v2/health/ready", endpoint(ready_route(table, limits))),
    ]
    for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        routes += [
            Route(path, endpoint(guard(model_route(table, limits), describing_named))),
            Route(f"{path}/ready", endpoint(guard(model_ready_route(table, limits), describing_named))),
            Route(f"{path}/infer", infer, methods=["POST"]),
        ]
    return routes


def _inference_scorers(table: ModelTable, infer: Handler) -> dict[str, Handler]:
    scorers = {}
    for model in table:
        scorers[f"/v2/models/{model.name}/infer"] = _pinned(infer, {"model": model.name})
        for version in model.versions:
            path = {"model": model.name, "version": version}
            scorers[f"/v2/models/{model.name}/versions/{version}/infer"] = _pinned(infer, path)
    return scorers


def _pinned(handler: Handler, path_params: dict[str, str]) -> Handler:
    """Do for one path what the router does for many."""

    async def answer(request: Request) -> Response:
        request.scope["path_params"] = path_params
        return await handler(request)

    return answer
