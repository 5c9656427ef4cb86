"""`POST /{model}/score` and `/{model}/versions/{version}/score`: the reference applications' own protocol."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.deadlines import before_deadline
from deployments.ingress.endpoints import Handler
from deployments.ingress.images import score_images
from deployments.ingress.models import Model, Takes, Version
from deployments.ingress.questions import score_questions
from deployments.ingress.quotas.request_admission import limits_for
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings, Limits
from deployments.telemetry.observation import note_scored

MODEL_NAME = "x-model-name"
MODEL_VERSION = "x-model-version"
MODEL_WEIGHTS = "x-model-weights"

Scorer = Callable[[Request, Version, IngressSettings, float], Awaitable[Scored]]

SCORERS: dict[Takes, Scorer] = {"text": score_questions, "images": score_images}


def score_route(model: Model, limits: Limits, version_name: str | None = None) -> Handler:
    """Return the handler of one model's score route, or of one of its versions."""
    scorer = SCORERS[model.takes]

    async def score(request: Request) -> Response:
        started = time.perf_counter()
        settings = limits_for(request, limits)
        version = model.version(version_name)
        version.check_room()
        scored = await before_deadline(request, settings, partial(scorer, request, version, settings))
        seconds = time.perf_counter() - started
        return scored_response(model, version, scored, seconds, reference_content(scored, seconds))

    return score


def reference_content(scored: Scored, seconds: float) -> dict[str, Any]:
    """Return a result in the form of the reference applications."""
    return {"result": [scored.result, f"Computed in {seconds * 1000:.1f} ms"], **scored.beside}


def scored_response(
    model: Model, version: Version, scored: Scored, seconds: float, content: dict[str, Any]
) -> Response:
    """Return a JSON response, with headers that tell who answered and where time went."""
    if scored.weights == "untrained":
        content["weights"] = scored.weights
    return Response(
        orjson.dumps(content),
        status_code=HTTPStatus.OK,
        media_type="application/json",
        headers=model_headers(model, version, scored, seconds),
    )


def model_headers(model: Model, version: Version, scored: Scored, seconds: float) -> dict[str, str]:
    """Return the headers that tell who answered and where time went; logs and metrics learn it too."""
    note_scored(model.name, version.name, scored.seconds)
    return {
        MODEL_NAME: model.name,
        MODEL_VERSION: version.name,
        MODEL_WEIGHTS: scored.weights,
        "server-timing": server_timing({**scored.seconds, "total": seconds}),
    }


def server_timing(seconds: dict[str, float]) -> str:
    """Return the header Server-Timing (https://www.w3.org/TR/server-timing/), in milliseconds."""
    return ", ".join(f"{step};dur={duration * 1000:.2f}" for step, duration in seconds.items())
