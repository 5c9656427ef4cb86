"""`POST /{model}/score`: the reference applications' own protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from deployments.errors import RequestTimeout
from deployments.ingress.endpoints import Handler
from deployments.ingress.images import score_images
from deployments.ingress.models import Model, Takes, Version
from deployments.ingress.questions import score_questions
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings, Limits

MODEL_NAME = "x-model-name"
MODEL_VERSION = "x-model-version"
MODEL_WEIGHTS = "x-model-weights"

Scorer = Callable[[Request, Version, IngressSettings, float], Awaitable[Scored]]

SCORERS: dict[Takes, Scorer] = {"text": score_questions, "images": score_images}


def score_route(model: Model, limits: Limits) -> Handler:
    """Return the handler of one model's score route."""
    scorer = SCORERS[model.takes]

    async def score(request: Request) -> Response:
        started = time.perf_counter()
        settings = limits()
        version = model.version()
        deadline = asyncio.get_running_loop().time() + settings.request_timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                scored = await scorer(request, version, settings, deadline)
        except TimeoutError:
            raise RequestTimeout("The request was not answered before its deadline.") from None
        return scored_response(model, version, scored, time.perf_counter() - started)

    return score


def scored_response(model: Model, version: Version, scored: Scored, seconds: float) -> Response:
    """Return a result in the reference's form, with headers that tell who answered and where time went."""
    content: dict[str, object] = {"result": [scored.result, f"Computed in {seconds * 1000:.1f} ms"], **scored.beside}
    if scored.weights == "untrained":
        content["weights"] = scored.weights
    return Response(
        orjson.dumps(content),
        status_code=HTTPStatus.OK,
        media_type="application/json",
        headers={
            MODEL_NAME: model.name,
            MODEL_VERSION: version.name,
            MODEL_WEIGHTS: scored.weights,
            "server-timing": server_timing({**scored.seconds, "total": seconds}),
        },
    )


def server_timing(seconds: dict[str, float]) -> str:
    """Return the header Server-Timing (https://www.w3.org/TR/server-timing/), in milliseconds."""
    return ", ".join(f"{step};dur={duration * 1000:.2f}" for step, duration in seconds.items())
