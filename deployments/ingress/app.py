"""The ASGI application: every route of the service."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from deployments.ingress.access.guard import Guard, describing_named, invoking, invoking_named
from deployments.ingress.access.token_route import TOKEN_PATH, token_route
from deployments.ingress.docs_routes import docs_routes
from deployments.ingress.endpoints import Bounded, Handler, endpoint, http_error
from deployments.ingress.health_routes import healthy, live, ready_route, version_route
from deployments.ingress.model_routes import model_route
from deployments.ingress.models import ModelTable
from deployments.ingress.score_routes import score_route
from deployments.ingress.settings import Limits


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and (scorer := self._scorers.get(scope["path"])):
            response = await scorer(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_app(table: ModelTable, limits: Limits) -> ScoringApp:
    """Put the routes together."""
    bounded, guard = Bounded(limits), Guard(limits)
    scorers = {
        f"/{model.name}/score": endpoint(bounded(guard(score_route(model, limits), invoking(model.name))))
        for model in table
    }
    routes: list[BaseRoute] = [Route(path, scorer, methods=["POST"]) for path, scorer in scorers.items()]
    routes += [
        Route("/", endpoint(healthy)),
        Route("/version", endpoint(guard.documents(version_route()))),
        Route("/v2/health/live", endpoint(live)),
        Route("/v2/health/ready", endpoint(ready_route(table, limits))),
        Route("/v2/models/{model}", endpoint(guard(model_route(table, limits), describing_named))),
        Route("/v2/models/{model}/versions/{version}", endpoint(guard(model_route(table, limits), describing_named))),
        Route(TOKEN_PATH, endpoint(bounded(guard(token_route(table, guard), invoking_named))), methods=["POST"]),
        *docs_routes(table, limits, guard),
    ]
    return ScoringApp(scorers, routes)
