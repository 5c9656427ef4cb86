"""What both clients are: how they are made, and what a call of theirs does."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import count
from typing import Any, Generic, TypeVar

import httpx

from serve_app.client import calls
from serve_app.client.calls import Call
from serve_app.client.credentials import Keys, Provider, credentials_of
from serve_app.client.errors import ConnectionFailed, DeadlineExceeded, Unavailable
from serve_app.client.exchange import Exchange, Service
from serve_app.client.inference.predicting import Predictor
from serve_app.client.inference.request import Asked
from serve_app.client.results import Prediction
from serve_app.client.retries import NO_RETRIES, Retries
from serve_app.client.steps import Deadline, Lock, Sleep, Steps

HttpT = TypeVar("HttpT", httpx.Client, httpx.AsyncClient)
ResultT = TypeVar("ResultT")

DEFAULT_URL = "http://127.0.0.1:8000"
MAX_SECONDS = 86_400.0

# One question whether the service is ready, and the pauses between several.
PROBE_SECONDS = 5.0
PROBES = Retries(first_seconds=0.2, most_seconds=2.0)


class BaseClient(ABC, Generic[HttpT]):
    """A client of the scoring service.

    Args:
        url: the service's address.
        credentials: a key or token, `Keys`, or a function that returns a key or token; None for a service that asks
            for none.
        timeout_seconds: how long a call may take, all attempts and pauses together; the service is told what is left.
        connect_seconds: how long a connection may take.
        retries: when a request is sent again.
        max_connections: connections at once; further requests wait for one.
        http: an httpx client of your own, for certificates or proxies; it stays open when this client is closed.

    Raises:
        ValueError: an argument cannot be used; the message holds no key.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        credentials: str | Keys | Provider | None = None,
        timeout_seconds: float = 60.0,
        connect_seconds: float = 5.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        max_connections: int = 64,
        http: HttpT | None = None,
    ) -> None:
        self._service = Service(checked_url(url), retries, checked_seconds(connect_seconds))
        self._credentials = credentials_of(credentials, time.monotonic, self._new_lock())
        self._seconds = checked_seconds(timeout_seconds)
        self._predictor = Predictor(time.monotonic)
        self._is_owner = http is None
        self._http: HttpT = http or self._new_http(
            httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._service.url!r})"

    @abstractmethod
    def _new_http(self, limits: httpx.Limits) -> HttpT: ...

    @abstractmethod
    def _new_lock(self) -> Lock: ...

    def _answer(self, call: Call[ResultT]) -> Steps[ResultT]:
        exchange = Exchange(self._service, self._deadline(call.timeout_seconds))
        return exchange.answer(call, self._credentials)

    def _predict(self, asked: Asked) -> Steps[Prediction]:
        exchange = Exchange(self._service, self._deadline(asked.timeout_seconds))
        return self._predictor.answer(asked, exchange, self._credentials)

    def _is_ready(self, options: dict[str, Any]) -> Steps[bool]:
        call = calls.ready(**options)
        deadline = self._deadline(PROBE_SECONDS if call.timeout_seconds is None else call.timeout_seconds)
        return self._probe(call, deadline)

    def _until_ready(self, seconds: float, options: dict[str, Any]) -> Steps[None]:
        call, deadline = calls.ready(**options), self._deadline(seconds)
        for retry in count():
            until = min(deadline.at, self._deadline(PROBE_SECONDS).at)
            if (yield from self._probe(call, replace(deadline, at=until))):
                return
            pause = PROBES.pause(retry, None)
            if pause >= deadline.remaining:
                raise DeadlineExceeded(f"{self._service.url} was not ready in {seconds:g} seconds.")
            yield Sleep(pause)

    def _probe(self, call: Call[bool], deadline: Deadline) -> Steps[bool]:
        exchange = Exchange(replace(self._service, retries=NO_RETRIES), deadline)
        try:
            return (yield from exchange.answer(call, self._credentials))
        except (Unavailable, ConnectionFailed, DeadlineExceeded):
            return False

    def _deadline(self, seconds: float | None) -> Deadline:
        return Deadline.after(self._seconds if seconds is None else checked_seconds(seconds))


def checked_url(url: str) -> str:
    """Return the service's address without a slash at the end.

    Raises:
        ValueError: it is none; the message does not hold it, since there may be a password in it.
    """
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise ValueError("The service's address must be a URL.") from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError("The service's address must begin with http:// or https:// and name a host.")
    if parts.userinfo or parts.query or parts.fragment:
        raise ValueError("The service's address must have no user, query or fragment; keys are given apart from it.")
    return str(parts).rstrip("/")


def checked_seconds(seconds: float) -> float:
    """Return a number of seconds.

    Raises:
        ValueError: it is not above 0, or more than a day.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"A time limit must be above 0 and at most {MAX_SECONDS:.0f} seconds.")
    return seconds
