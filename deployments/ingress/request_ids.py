"""The identifier that a request carries through logs and responses."""

from __future__ import annotations

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

REQUEST_ID = "x-request-id"

# What may stand in a log line or a header unquoted.
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id_of(request: Request) -> str:
    """Return the request's identifier if it has a harmless one, else a new one."""
    sent = request.headers.get(REQUEST_ID, "")
    return sent if _ACCEPTED.fullmatch(sent) else str(uuid.uuid4())


def mark(response: Response, request: Request, request_id: str) -> None:
    """Put the identifier into a response, unless Ray Serve does so: it gives one to every request without."""
    if REQUEST_ID not in request.headers:
        response.headers[REQUEST_ID] = request_id


class HarmlessRequestIds:
    """Replaces identifiers that could forge a log line, before Ray Serve takes them over.

    Ray Serve decodes the header and writes it to its logs and responses as it comes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a harmless identifier."""
        if scope["type"] == "http":
            MutableHeaders(scope=scope)[REQUEST_ID] = request_id_of(Request(scope))
        await self._app(scope, receive, send)


def middlewares() -> list[Middleware]:
    """What Ray Serve puts around its own HTTP handling; it finds this by an environment variable."""
    return [Middleware(HarmlessRequestIds)]
