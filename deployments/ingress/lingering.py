"""Responses to requests whose bodies are not read."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.ingress.headers import header
from deployments.ingress.http_response import WORTH_READING, linger


class LingeringResponse(Response):
    """Answers at once, throws away for a moment what still comes of the request, and ends the connection."""

    def __init__(self, response: Response) -> None:
        self.status_code = response.status_code
        self.background = None
        self.body = response.body
        self.raw_headers = [*response.raw_headers, (b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as every response
        """Send the response."""
        await linger(self.status_code, self.raw_headers, bytes(self.body), receive, send)


def without_the_rest(response: Response, request: Request) -> Response:
    """Return what answers a request of which more is to come than is worth reading, if it is one."""
    declared = header(request, "content-length") or ""
    is_long = (declared.isdecimal() and int(declared) > WORTH_READING) or header(request, "transfer-encoding")
    return LingeringResponse(response) if is_long else response
