"""Requests over HTTP, as logs, traces and metrics see them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import ClientGone
from deployments.ingress.azure_ml_swagger import SERVICE
from deployments.ingress.request_ids import REQUEST_ID
from deployments.ingress.routing.table import Model, ModelTable
from deployments.telemetry.observation import Observation
from deployments.telemetry.observer import Observer

INTERNAL_ERROR = 500

# https://w3c.github.io/trace-context/#trace-context-http-response-headers-format
TRACE_RESPONSE = b"traceresponse"

_READ = {b"traceparent", b"content-length", REQUEST_ID.encode()}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PARTS = frozenset({"/", "/score", "/version", "/docs", "/swagger.json", "/v2", "/v2/health/live", "/v2/health/ready"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a path says of a request: its protocol, and the model and version that it is to be scored with."""

    protocol: str
    model: str = ""
    version: str = ""


class Observed:
    """An ASGI application of which every request is observed, from its headers to the last byte of its response.

    Args:
        app: the application; what it leaves as `scope["state"]["principal"]` says who sent a request.
        table: the models, whose names alone may become labels.
        observer: is told of each request.
    """

    def __init__(self, app: ASGIApp, table: ModelTable, observer: Observer) -> None:
        self._app = app
        self._observer = observer
        self._places = places(table)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        observation = self._arrived(scope, headers)
        token = self._observer.begin(observation, *_trace_of(scope, headers))
        exchange = _Exchange(observation, receive, send, self._kept())
        receive = exchange.receive if exchange.reads or b"content-length" not in headers else receive
        try:
            await self._app(scope, receive, exchange.send)
        except asyncio.CancelledError:
            observation.status, observation.reason = observation.status or ClientGone.status, ClientGone.code
            raise
        finally:
            observation.status = observation.status or INTERNAL_ERROR
            principal = scope.get("state", {}).get("principal")
            observation.client_id = principal.client_id if principal is not None else ""
            self._observer.end(observation, token)

    def _arrived(self, scope: Scope, headers: dict[bytes, bytes]) -> Observation:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        place = self._places.get(path)
        method = scope["method"]
        length = headers.get(b"content-length", b"")
        known = place or _by_prefix(path)
        return Observation(
            known.protocol,
            method if method in _METHODS else "OTHER",
            path,
            route_is_known=place is not None,
            model=known.model,
            version=known.version,
            request_id=headers.get(REQUEST_ID.encode(), b"").decode("latin-1"),
            bytes_in=int(length) if length.isdigit() else 0,
        )

    def _kept(self) -> int:
        logging = self._observer.logging
        return logging.max_payload_bytes if logging.payloads and logging.access else 0


class _Exchange:
    """What goes to and fro while a request is answered.

    Args:
        observation: is filled in.
        receive: the server's.
        send: the server's.
        kept: bytes of each body that are kept for logs.
    """

    __slots__ = ("_counted", "_kept", "_observation", "_receive", "_send")

    def __init__(self, observation: Observation, receive: Receive, send: Send, kept: int) -> None:
        self._observation = observation
        self._receive = receive
        self._send = send
        self._kept = kept
        # Without a length in its headers a body is counted as it comes.
        self._counted = not observation.bytes_in
        if kept:
            observation.received, observation.sent = b"", b""

    @property
    def reads(self) -> bool:
        return bool(self._kept)

    async def receive(self) -> Message:
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if self._counted:
            self._observation.bytes_in += len(body)
        if self._kept:
            self._observation.received = self._longer(self._observation.received, body)
        return message

    async def send(self, message: Message) -> None:
        observation = self._observation
        if message["type"] == "http.response.start":
            self._started(observation, message)
        else:
            body: bytes = message.get("body", b"")
            observation.bytes_out += len(body)
            if self._kept:
                observation.sent = self._longer(observation.sent, body)
        await self._send(message)

    def _started(self, observation: Observation, message: Message) -> None:
        observation.status = message["status"]
        headers: Any = message.get("headers", ())
        if not observation.request_id:
            told = (value for name, value in headers if name == REQUEST_ID.encode())
            observation.request_id = next(told, b"").decode("latin-1")
        if observation.trace is not None:
            message["headers"] = [*headers, (TRACE_RESPONSE, observation.trace.header.encode())]

    def _longer(self, kept: bytes | None, body: bytes) -> bytes:
        kept = kept or b""
        return kept + body[: self._kept - len(kept)]


def _trace_of(scope: Scope, headers: dict[bytes, bytes]) -> tuple[str, str]:
    if (parent := headers.get(b"traceparent")) is None:
        return "", ""
    states = (value for name, value in scope["headers"] if name == b"tracestate")
    return parent.decode("latin-1"), b",".join(states).decode("latin-1")


def places(table: ModelTable) -> dict[str, Place]:
    """Return what each path of the service says; a model has those by which it scores, so that it counts only them."""
    found = {path: _by_prefix(path) for path in _PARTS}
    for model in table:
        default = model.version().name
        found[f"/{model.name}/score"] = Place("reference", model.name, default)
        service = SERVICE.format(model=model.name)
        for path in (service, f"{service}swagger.json", f"{service}token"):
            found[path] = Place("azureml")
        found[f"{service}score"] = Place("azureml", model.name, default)
        for path, version in _bases_of_v2(model):
            found |= {path: Place("oip"), f"{path}/ready": Place("oip")}
            found[f"{path}/infer"] = Place("oip", model.name, version)
        for version in model.versions:
            found[f"/{model.name}/versions/{version}/score"] = Place("reference", model.name, version)
    return found


def _bases_of_v2(model: Model) -> list[tuple[str, str]]:
    base = f"/v2/models/{model.name}"
    return [(base, model.version().name), *((f"{base}/versions/{version}", version) for version in model.versions)]


def _by_prefix(path: str) -> Place:
    if path == "/v2" or path.startswith("/v2/"):
        return Place("oip")
    if path.startswith("/api/"):
        return Place("azureml")
    return Place("reference" if path == "/score" else "service")
