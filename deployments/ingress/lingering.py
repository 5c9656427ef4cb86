"""Responses to requests whose bodies are not read."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.ingress.bodies import KIBIBYTE, declared_length
from deployments.ingress.headers import header
from deployments.ingress.large_bodies import SIZE_IN_SCOPE

# What is left of a body up to this size is thrown away as it comes, and the connection serves on.
WORTH_READING = 1024 * KIBIBYTE

# Clients that send all before they read would see a broken connection in the place of an answer if it ended at once.
LINGER_SECONDS = 2.0


class LingeringResponse(Response):
    """Answers at once, throws away for a moment what still comes of the request, and ends the connection."""

    def __init__(self, response: Response) -> None:
        self.status_code = response.status_code
        self.background = None
        self.body = response.body
        self.raw_headers = [*response.raw_headers, (b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as every response
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                more = True
                while more:
                    more = (await receive()).get("more_body", False)
                    # Where all of it is there already, receiving alone gives neither others nor the timer a turn.
                    await asyncio.sleep(0)
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b""})


def without_the_rest(response: Response, request: Request) -> Response:
    """Return what answers a request of which more is to come than is worth reading, if it is one."""
    if SIZE_IN_SCOPE in request.scope:
        return response
    is_long = declared_length(request) > WORTH_READING or header(request, "transfer-encoding") is not None
    # What did not come in time will not come now.
    is_slow = response.status_code == HTTPStatus.REQUEST_TIMEOUT
    return LingeringResponse(response) if is_long or is_slow else response
