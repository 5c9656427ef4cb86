"""Whether the service lives, is ready, and what it is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deployments.errors import Unavailable
from deployments.ingress.endpoints import Handler
from deployments.ingress.routing.table import ModelTable
from deployments.ingress.settings import Limits

# The frameworks that may answer a request; those that are not installed here are left out.
FRAMEWORKS = ("ray", "numba", "openvino", "torch", "torchvision", "onnxruntime", "keras", "tensorflow")


class Health(BaseModel):
    """The answer of a health route that has nothing to report."""

    live: bool | None = None
    ready: bool | None = None


async def healthy(_request: Request) -> Response:
    """`GET /` as the reference applications answer it."""
    return PlainTextResponse("Healthy")


async def live(_request: Request) -> Response:
    """Answer while this process can answer at all."""
    return JSONResponse({"live": True})


def ready_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler that asks every model."""

    async def ready(_request: Request) -> Response:
        settings = limits()
        # Whoever reaches the service may ask this.
        with_causes = not settings.access.is_required
        missing = await table.not_ready(settings.readiness_timeout_seconds, with_causes=with_causes)
        if missing:
            raise Unavailable(f"Not ready: {', '.join(missing)}.")
        return JSONResponse({"ready": True})

    return ready


def version_route() -> Handler:
    """Return the handler that names the product and its frameworks with their versions."""
    names = ("ray-scoring", *FRAMEWORKS)
    text = ", ".join(f"{name} {number}" for name in names if (number := installed(name)))

    async def show_version(_request: Request) -> Response:
        return PlainTextResponse(text)

    return show_version


def installed(distribution: str) -> str | None:
    """Return the version of an installed distribution."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
