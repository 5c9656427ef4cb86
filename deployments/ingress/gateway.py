"""The way of a request over HTTP: what scores goes down the pipeline, everything else to its route."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.errors import ClientGone, ScoringError
from deployments.ingress.endpoints import place_of
from deployments.ingress.http_context import HttpContext, length_of
from deployments.ingress.http_response import HttpResponse, leaves_a_rest
from deployments.ingress.pipeline import Endpoint, Pipeline
from deployments.ingress.problems import problem_response
from deployments.ingress.quotas.rate_limit_headers import POLICY
from deployments.ingress.request_ids import IN_SCOPE, UNMARKED, harmless_or_new
from deployments.ingress.settings import Limits
from deployments.telemetry.observation import Observation
from deployments.telemetry.observer import Observer

logger = logging.getLogger("ray.serve")

# https://w3c.github.io/trace-context/#trace-context-http-response-headers-format
TRACE_RESPONSE = b"traceresponse"

INTERNAL_ERROR = 500
_REQUEST_ID = b"x-request-id"
_POLICY = POLICY.encode()


@dataclass(frozen=True, slots=True)
class ScoringPath:
    """A path by which requests are scored.

    Attributes:
        endpoint: what answers.
        protocol: as metrics and logs call it.
        model: likewise; empty where only the body tells.
        version: likewise.
    """

    endpoint: Endpoint[HttpContext]
    protocol: str
    model: str = ""
    version: str = ""


class Gateway:
    """The service as an ASGI application.

    Args:
        paths: by which POST requests are scored.
        pipeline: answers them.
        others: answers all other requests.
        observer: is told of each that scores.
        limits: returns the ingress's settings.
        routes: of everything, for documents and tests.
    """

    def __init__(  # noqa: PLR0917
        self,
        paths: Mapping[str, ScoringPath],
        pipeline: Pipeline,
        others: ASGIApp,
        observer: Observer,
        limits: Limits,
        routes: list[BaseRoute],
    ) -> None:
        self._paths = paths
        self._pipeline = pipeline
        self._others = others
        self._observer = observer
        self._limits = limits
        self._routes = routes

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes, those that score among them."""
        return self._routes

    @property
    def scoring_paths(self) -> Collection[str]:
        """Paths of the requests that matter."""
        return self._paths.keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"].removeprefix(scope.get("root_path", ""))
            if (place := self._paths.get(path)) is not None:
                await self._score(place, path, scope, receive, send)
                return
        await self._others(scope, receive, send)

    async def _score(self, place: ScoringPath, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(reversed(scope["headers"]))
        settings = self._limits()
        request_id = scope.get(IN_SCOPE) or harmless_or_new(headers.get(_REQUEST_ID, b"").decode("latin-1"))
        observation = _arrived(place, path, headers, request_id)
        self._observer.begin_request(observation, *_trace_of(scope, headers))
        context = HttpContext(scope, receive, headers, observation, settings, request_id)
        if kept := _kept(self._observer):
            context.keep(kept)
        try:
            response = await self._answer(place, path, context)
            self._tell(response, place, context)
            observation.status, observation.bytes_out = response.status, len(response.content)
            if context.kept_bytes:
                observation.sent = response.content[: context.kept_bytes]
            if leaves_a_rest(context, response.status):
                await response.send_and_linger(receive, send)
            else:
                await response.send(send)
        except asyncio.CancelledError:
            observation.status, observation.reason = observation.status or ClientGone.status, ClientGone.code
            raise
        finally:
            observation.status = observation.status or INTERNAL_ERROR
            self._observer.end_request(observation)

    async def _answer(self, place: ScoringPath, path: str, context: HttpContext) -> HttpResponse:
        try:
            response: HttpResponse = await self._pipeline.answer(context, place.endpoint)
        except ScoringError as error:
            return _refused(place.endpoint.protocol.told(error), path, context)
        except Exception as error:  # noqa: BLE001 - nothing unexpected may reach the client
            # The message may hold what the client sent; the log gets the kind and the place.
            logger.error("Request %s failed: %s", context.request_id, place_of(error))  # noqa: TRY400
            return _refused(ScoringError(), path, context)
        return response

    def _tell(self, response: HttpResponse, place: ScoringPath, context: HttpContext) -> None:
        """Add what every response tells."""
        headers = response.headers
        # Ray Serve marks the response of a request that passes it and has an identifier.
        if UNMARKED in context.scope or _REQUEST_ID not in context.headers:
            headers.append((_REQUEST_ID, context.request_id.encode()))
        headers += place.endpoint.protocol.headers(context)
        if context.observation.trace is not None:
            headers.append((TRACE_RESPONSE, context.observation.trace.header.encode()))
        admission = context.admission
        if admission is not None and all(name != _POLICY for name, _ in headers):
            headers += [(name.encode(), value.encode()) for name, value in admission.headers.items()]


def _arrived(place: ScoringPath, path: str, headers: dict[bytes, bytes], request_id: str) -> Observation:
    return Observation(
        place.protocol,
        "POST",
        path,
        model=place.model,
        version=place.version,
        request_id=request_id,
        bytes_in=length_of(headers) or 0,
    )


def _refused(error: ScoringError, path: str, context: HttpContext) -> HttpResponse:
    context.observation.reason = error.code
    problem: Any = problem_response(error, context.request_id, path)
    headers = [header for header in problem.raw_headers if header[0] != b"content-length"]
    return HttpResponse(problem.body, headers, problem.status_code)


def _trace_of(scope: Scope, headers: dict[bytes, bytes]) -> tuple[str, str]:
    if (parent := headers.get(b"traceparent")) is None:
        return "", ""
    states = (value for name, value in scope["headers"] if name == b"tracestate")
    return parent.decode("latin-1"), b",".join(states).decode("latin-1")


def _kept(observer: Observer) -> int:
    """Return how many bytes of each body are kept for logs."""
    logging = observer.logging
    return logging.max_payload_bytes if logging.payloads and logging.access else 0
