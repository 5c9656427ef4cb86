"""The ASGI application: every route of the service."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from deployments.ingress.docs_routes import docs_routes
from deployments.ingress.endpoints import Bounded, endpoint, http_error
from deployments.ingress.health_routes import healthy, live, ready_route, version_route
from deployments.ingress.model_routes import model_route
from deployments.ingress.models import ModelTable
from deployments.ingress.score_routes import score_route
from deployments.ingress.settings import Limits


def build_app(table: ModelTable, limits: Limits) -> Starlette:
    """Put the routes together; the most asked ones come first, since routes are tried in order."""
    bounded = Bounded(limits)
    routes: list[BaseRoute] = [
        Route(f"/{model.name}/score", endpoint(bounded(score_route(model, limits))), methods=["POST"])
        for model in table
    ]
    routes += [
        Route("/", endpoint(healthy)),
        Route("/version", endpoint(version_route())),
        Route("/v2/health/live", endpoint(live)),
        Route("/v2/health/ready", endpoint(ready_route(table, limits))),
        Route("/v2/models/{model}", endpoint(model_route(table, limits))),
        *docs_routes(table),
    ]
    application = Starlette(routes=routes, exception_handlers={HTTPException: http_error})
    # A redirect would be built from the Host header, which the client chooses.
    application.router.redirect_slashes = False
    return application
