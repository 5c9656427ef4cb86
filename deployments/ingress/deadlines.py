"""The deadline of a request: the service's own limit, or the client's where that comes first.

The one timer of a request is here. Stages are told how many seconds are left, and drop what is too late.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from deployments.deadlines import timed_out, until
from deployments.errors import BadRequest
from deployments.ingress.settings import IngressSettings

ResultT = TypeVar("ResultT")

# What a client sets, and where `outermost` puts it: Ray Serve knows the first header too, and would answer in its own
# form, later than the service allows.
CLIENT_TIMEOUT = "x-request-timeout-seconds"
KEPT_TIMEOUT = "x-scoring-timeout-seconds"

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?|\.\d{1,9}")
_IN_SCOPE = "scoring.deadline"


@dataclass(slots=True)
class _Deadline:
    """When a request must be answered, on the clock of `time.monotonic()`; `timer` runs while somebody waits."""

    arrived: float
    at: float
    timer: asyncio.Timeout | None = None


async def before_deadline(
    request: Request, settings: IngressSettings, work: Callable[[float], Awaitable[ResultT]]
) -> ResultT:
    """Await `work`, which is told the request's deadline on the clock of `time.monotonic()`.

    What a request does in several such steps has one deadline.

    Raises:
        RequestTimeout: it was not done by then.
        BadRequest: the client's own limit is no number of seconds.
    """
    deadline = _deadline_of(request, settings)
    try:
        async with until(deadline.at) as deadline.timer:
            return await work(deadline.at)
    except TimeoutError:
        raise timed_out() from None


def bring_forward(request: Request, seconds: float) -> float:
    """Give the request so many seconds from its arrival, if it has more; return its deadline.

    To be called by the work that `before_deadline` awaits.
    """
    deadline: _Deadline = request.scope[_IN_SCOPE]
    if deadline.arrived + seconds < deadline.at:
        deadline.at = deadline.arrived + seconds
        assert deadline.timer is not None  # noqa: S101 - it runs around who calls this
        deadline.timer.reschedule(asyncio.get_running_loop().time() + deadline.at - time.monotonic())
    return deadline.at


def _deadline_of(request: Request, settings: IngressSettings) -> _Deadline:
    found: _Deadline | None = request.scope.get(_IN_SCOPE)
    if found is None:
        arrived = time.monotonic()
        seconds = min(settings.request_timeout_seconds, _client_seconds(request) or settings.request_timeout_seconds)
        found = request.scope[_IN_SCOPE] = _Deadline(arrived, arrived + seconds)
    return found


def _client_seconds(request: Request) -> float | None:
    text = request.headers.get(KEPT_TIMEOUT, request.headers.get(CLIENT_TIMEOUT))
    if text is None:
        return None
    if not (_SECONDS.fullmatch(text) and (seconds := float(text)) > 0):
        raise BadRequest(f"The header {CLIENT_TIMEOUT} must be a number of seconds above 0, as in 2.5.")
    return seconds
