"""Answers over HTTP, written with as few steps as ASGI allows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import Receive, Send

from deployments.ingress.context import KIBIBYTE
from deployments.ingress.http_context import HttpContext

# What is left of a body up to this size is thrown away as it comes, and the connection serves on.
WORTH_READING = 1024 * KIBIBYTE

# Clients that send all before they read would see a broken connection in the place of an answer if it ended at once.
LINGER_SECONDS = 2.0

JSON = (b"content-type", b"application/json")
OCTETS = (b"content-type", b"application/octet-stream")


@dataclass(slots=True)
class HttpResponse:
    """An answer.

    Attributes:
        content: its body.
        headers: without its length.
        status: of HTTP.
    """

    content: bytes
    headers: list[tuple[bytes, bytes]]
    status: int = 200

    async def send(self, send: Send) -> None:
        """Send it."""
        self.headers.append((b"content-length", b"%d" % len(self.content)))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.content})

    async def send_and_linger(self, receive: Receive, send: Send) -> None:
        """Send it, throw away for a moment what still comes of the request, and end the connection."""
        self.headers += [(b"content-length", b"%d" % len(self.content)), (b"connection", b"close")]
        await linger(self.status, self.headers, self.content, receive, send)


async def linger(status: int, headers: list[tuple[bytes, bytes]], content: bytes, receive: Receive, send: Send) -> None:
    """Send an answer at once, and throw away for a moment what still comes of its request."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": True})
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


def leaves_a_rest(context: HttpContext, status: int) -> bool:
    """Whether more is to come of a request than is worth reading."""
    if context.body_was_read:
        return False
    is_long = (context.announced_bytes or 0) > WORTH_READING or b"transfer-encoding" in context.headers
    # What did not come in time will not come now.
    return is_long or status == HTTPStatus.REQUEST_TIMEOUT
