"""One call with all its attempts: credentials, retries, deadline."""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from serve_app.client.calls import Call
from serve_app.client.errors import ConnectionFailed, DeadlineExceeded, UnexpectedResponse
from serve_app.client.payloads import Payload
from serve_app.client.readings import OK, error_of
from serve_app.client.retries import Retries, may_be_repeated, retry_after_seconds
from serve_app.client.steps import Deadline, Reply, Run, Send, Sleep, Steps

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

# How long the service may take: it need not work on what its client has given up.
TIMEOUT_HEADER = "x-request-timeout-seconds"
ACCEPT = "application/json, application/problem+json"
USER_AGENT = "ray-scoring-client"
UNAUTHENTICATED = 401


class Credentials(Protocol):
    """What finds the key or token for a request."""

    def current(self, model: str, exchange: Exchange) -> Steps[SecretStr | None]:
        """Return the one to send; None for none."""

    def in_place_of(self, refused: SecretStr, model: str, exchange: Exchange) -> Steps[SecretStr | None]:
        """Return another one, after the service refused one; None if there is no other."""


@dataclass(frozen=True, slots=True)
class Service:
    """The service, and how it is asked.

    Attributes:
        url: its address, without a slash at the end.
        retries: when a request is sent again.
        connect_seconds: how long a connection may take.
        uniform: draws a number between two.
    """

    url: str
    retries: Retries
    connect_seconds: float = 5.0
    uniform: Callable[[float, float], float] = random.uniform


class Exchange:
    """Everything that happens for one call, until its deadline."""

    def __init__(self, service: Service, deadline: Deadline) -> None:
        self.deadline = deadline
        self._service = service

    def answer(self, call: Call[ResultT], credentials: Credentials) -> Steps[ResultT]:
        """Get a call's result.

        Raises:
            ClientError: there is none.
        """
        reply = yield from self._authorized(call, credentials)
        if reply.status != OK:
            raise error_of(reply)
        return call.read(reply)

    def _authorized(self, call: Call[ResultT], credentials: Credentials) -> Steps[Reply]:
        payload = call.payload if isinstance(call.payload, Payload) else (yield Run(call.payload))
        credential = None if call.model is None else (yield from credentials.current(call.model, self))
        reply = yield from self._repeated(call, payload, credential)
        if reply.status != UNAUTHENTICATED or credential is None or call.model is None or not payload.can_be_sent:
            return reply
        other = yield from credentials.in_place_of(credential, call.model, self)
        return reply if other is None else (yield from self._repeated(call, payload, other))

    def _repeated(self, call: Call[ResultT], payload: Payload, credential: SecretStr | None) -> Steps[Reply]:
        for retry in count():
            outcome = yield from self._attempt(call, payload, credential)
            pause = self._pause(outcome, payload, retry)
            if pause is None:
                break
            logger.debug("%s %s: %s; again in %.2f s.", call.method, call.path, _told(outcome), pause)
            yield Sleep(pause)
        if isinstance(outcome, ConnectionFailed):
            raise outcome
        return outcome

    def _attempt(
        self, call: Call[ResultT], payload: Payload, credential: SecretStr | None
    ) -> Steps[Reply | ConnectionFailed]:
        if self.deadline.remaining <= 0:
            raise _too_late()
        try:
            reply: Reply = yield self._send(call, payload, credential)
        except httpx.RequestError as error:
            failure = self._failure(error)
        else:
            return reply
        # Raised here, where it does not bring the request that failed, and its headers, along.
        if not isinstance(failure, ConnectionFailed):
            raise failure
        return failure

    def _send(self, call: Call[ResultT], payload: Payload, credential: SecretStr | None) -> Send:
        headers = {"user-agent": USER_AGENT, "accept": ACCEPT, TIMEOUT_HEADER: self._seconds_left(), **call.headers}
        if payload.media_type:
            headers["content-type"] = payload.media_type
        if credential is not None:
            headers["authorization"] = f"Bearer {credential.get_secret_value()}"
        query = f"?{urlencode(call.query)}" if call.query else ""
        url = f"{self._service.url}{call.path}{query}"
        return Send(call.method, url, headers, payload, self.deadline, self._service.connect_seconds)

    def _seconds_left(self) -> str:
        return f"{max(self.deadline.remaining, 0.001):.3f}"

    def _failure(self, error: httpx.RequestError) -> ConnectionFailed | DeadlineExceeded | UnexpectedResponse:
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return _too_late()
        if not isinstance(error, httpx.TransportError):
            return UnexpectedResponse("The answer cannot be decoded.")
        if isinstance(error, httpx.ConnectTimeout):
            return ConnectionFailed(f"{self._service.url} cannot be reached: no connection in time.")
        reason = str(error).rstrip(".") or type(error).__name__
        may_pass = not (_is_wrong(error) or _has_wrong_certificate(error))
        return ConnectionFailed(f"{self._service.url} cannot be reached: {reason}.", may_pass=may_pass)

    def _pause(self, outcome: Reply | ConnectionFailed, payload: Payload, retry: int) -> float | None:
        """How long to wait before the next attempt; None for no further one."""
        retries = self._service.retries
        if retry + 1 >= retries.attempts or not may_be_repeated(outcome) or not payload.can_be_sent:
            return None
        retry_after = retry_after_seconds(outcome.headers) if isinstance(outcome, Reply) else None
        pause = retries.pause(retry, retry_after, self._service.uniform)
        # What was said last tells more than that the time is over.
        return pause if pause < self.deadline.remaining else None


def _too_late() -> DeadlineExceeded:
    return DeadlineExceeded("The time of the call was over before its answer was there.")


def _told(outcome: Reply | ConnectionFailed) -> str:
    return str(outcome.status) if isinstance(outcome, Reply) else str(outcome)


def _is_wrong(error: httpx.TransportError) -> bool:
    return isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol)


def _has_wrong_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
