"""A request over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from typing import Any

from starlette.types import Receive, Scope

from deployments.codecs.body import Body
from deployments.errors import BadRequest
from deployments.ingress.context import RequestContext
from deployments.ingress.settings import IngressSettings
from deployments.telemetry.observation import Observation

# By which a client says how long it waits. Ray Serve knows the header too, and would answer in its own form, later than
# the service allows; so where a request passes Ray, it goes on under the second name.
CLIENT_TIMEOUT = "x-request-timeout-seconds"
KEPT_TIMEOUT = "x-scoring-timeout-seconds"

_CLIENT_TIMEOUT, _KEPT_TIMEOUT = CLIENT_TIMEOUT.encode(), KEPT_TIMEOUT.encode()
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?|\.\d{1,9}", re.ASCII)

# A length of more digits is over every limit.
MAX_DIGITS = 15


class HttpContext(RequestContext):
    """A request over HTTP.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        headers: by name, in lower case; of one that is there several times, the first.
        observation: what logs, traces and metrics are told.
        settings: the ingress's.
        request_id: harmless.
    """

    __slots__ = ("_receive", "headers", "scope")

    def __init__(  # noqa: PLR0917 - by place, which costs less for each request
        self,
        scope: Scope,
        receive: Receive,
        headers: dict[bytes, bytes],
        observation: Observation,
        settings: IngressSettings,
        request_id: str,
    ) -> None:
        super().__init__(observation, settings, request_id)
        self.scope = scope
        self.headers = headers
        self._receive = receive

    def header(self, name: bytes) -> str | None:
        """Return the header of a name in lower case; None where there is none."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def credentials(self) -> Iterable[tuple[bytes, bytes]]:
        """All headers as they came: one that is there twice is refused."""
        headers: Iterable[tuple[bytes, bytes]] = self.scope["headers"]
        return headers

    @property
    def announced_bytes(self) -> int | None:
        """The length that the client tells."""
        return length_of(self.headers)

    def start_timer(self) -> None:
        """Begin to look after the request, with the client's own limit where that is less.

        Raises:
            BadRequest: the client's limit is no number of seconds.
        """
        seconds = self.headers.get(_CLIENT_TIMEOUT) or self.headers.get(_KEPT_TIMEOUT)
        if seconds is not None or _CLIENT_TIMEOUT in self.headers or _KEPT_TIMEOUT in self.headers:
            self.bring_forward(_seconds(seconds or b""))
        super().start_timer()

    async def read(self) -> Body:
        """Read the whole body; see `RequestContext.read`."""
        self.cover(self.announced_bytes or 0)
        message = await self._received()
        content: bytes = message.get("body", b"")
        self._came(content)
        if message.get("more_body", False):
            content = await self._rest(content)
        self.body_was_read = True
        if not content:
            raise BadRequest("The body is empty.")
        return Body(content, self.header(b"content-type") or "", self.scope["query_string"])

    async def _rest(self, begun: bytes) -> bytes:
        body = BytesIO()
        body.write(begun)
        more = True
        while more:
            message = await self._received()
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            if chunk:
                self.cover(body.tell() + len(chunk))
                body.write(chunk)
                self._came(chunk)
        # Not a copy: the buffer itself.
        return body.getvalue()

    def _came(self, chunk: bytes) -> None:
        size = len(chunk)
        self.body_came(size)
        if b"content-length" not in self.headers:
            self.cover(size)
            self.observation.bytes_in += size
        if self.kept_bytes:
            kept = self.observation.received or b""
            self.observation.received = kept + chunk[: self.kept_bytes - len(kept)]
        if self.admission is not None and self.admission.counts_bytes:
            self.admission.count(size)

    async def _received(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The connection ended before the body did.")
        return message

    async def client_left(self) -> None:
        """Return when the client has hung up."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def length_of(headers: dict[bytes, bytes]) -> int | None:
    """Return the length of a body as its client tells it."""
    length = headers.get(b"content-length", b"")
    if not length.isdigit():
        return None
    return int(length) if len(length) <= MAX_DIGITS else 10**MAX_DIGITS


def _seconds(sent: bytes) -> float:
    text = sent.decode("latin-1")
    if not (_SECONDS.fullmatch(text) and (seconds := float(text)) > 0):
        raise BadRequest(f"The header {CLIENT_TIMEOUT} must be a number of seconds above 0, as in 2.5.")
    return seconds
