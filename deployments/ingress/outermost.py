"""What stands around Ray Serve's own handling of a request; Ray finds it by an environment variable."""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.ingress.http_context import CLIENT_TIMEOUT, KEPT_TIMEOUT
from deployments.ingress.request_ids import REQUEST_ID, UNMARKED, harmless_or_new
from deployments.ingress.turnstile import Turnstile
from deployments.stage_load import StageLoad

# Ray Serve's header, by which it leaves it to the application to notice that a client went away.
DISCONNECT_DISABLED = b"x-request-disconnect-disabled"
Headers = list[tuple[bytes, bytes]]

_CLIENT_TIMEOUT, _TIMEOUT = CLIENT_TIMEOUT.encode(), KEPT_TIMEOUT.encode()
_REQUEST_ID = REQUEST_ID.encode()
_REPLACED = {_REQUEST_ID, DISCONNECT_DISABLED, _TIMEOUT}


class ShortWay:
    """The application of the replica that runs in this process, for requests that go past Ray Serve.

    What Ray Serve does for each request (a log line that is then dropped, metrics, a count for autoscaling, a context)
    takes a quarter of the ingress's time, and the product does all of it itself: see `deployments.telemetry`, and
    `record_autoscaling_stats` of the ingress. When a replica is to stop, uvicorn waits for requests in flight as Ray
    does. In another process than the ingress's, such as a proxy of Ray Serve's, there is none.

    Attributes:
        waiting: averages the requests of this process that have come and not begun; for autoscaling they are in flight.
    """

    def __init__(self) -> None:
        self.waiting = StageLoad()
        self._app: ASGIApp | None = None
        self._paths: Collection[str] = ()

    def open(self, app: ASGIApp, paths: Collection[str]) -> None:
        """Let POST requests for these paths come straight to an application."""
        self._app, self._paths = app, frozenset(paths)

    def app_for(self, path: str) -> ASGIApp | None:
        """Return the application that answers POST requests for a path, if it goes this way."""
        return self._app if path in self._paths else None


SHORT_WAY = ShortWay()


class Outermost:
    """Changes three headers of each request before Ray Serve reads them, and lets a few begin at a time.

    The request's identifier: Ray decodes it and writes it to its logs and responses as it comes, so one that could
    forge a log line is replaced. And who notices that a client has gone: Ray would give every request two tasks
    for it and read the body ahead without a limit; `deployments.ingress.context` does it for slow requests alone.
    And how long the client waits: Ray would answer in a form of its own, and lets a client wait for ever; the header
    goes on under a name of ours, to `deployments.ingress.http_context`.
    """

    def __init__(self, app: ASGIApp, short_way: ShortWay = SHORT_WAY) -> None:
        self._app = app
        self._short_way = short_way
        self._turnstile = Turnstile(short_way.waiting)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with changed headers, when its turn has come."""
        if scope["type"] == "http":
            # Only requests that score wait here: health checks go first.
            if scope["method"] == "POST":
                if not self._turnstile.may_enter():
                    await self._turnstile.wait()
                if (app := self._short_way.app_for(scope["path"])) is not None:
                    scope[UNMARKED] = True
                    await app(scope, receive, send)
                    return
            scope["headers"] = _changed(scope["headers"])
        await self._app(scope, receive, send)


def _changed(headers: Headers) -> Headers:
    sent = next((value for name, value in headers if name == _REQUEST_ID), b"")
    request_id = harmless_or_new(sent.decode("latin-1")).encode()
    kept = [(_TIMEOUT if name == _CLIENT_TIMEOUT else name, value) for name, value in headers if name not in _REPLACED]
    return [*kept, (_REQUEST_ID, request_id), (DISCONNECT_DISABLED, b"?1")]


def middlewares() -> list[Middleware]:
    """Return what Ray Serve is to put around itself."""
    return [Middleware(Outermost)]
