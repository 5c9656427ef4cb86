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
from deployments.ingress.headers import header
from deployments.ingress.settings import IngressSettings

ResultT = TypeVar("ResultT")

# What a client sets, and where `outermost` puts it: Ray Serve knows the first header too, and would answer in its own
# form, later than the service allows.
CLIENT_TIMEOUT = "x-request-timeout-seconds"
KEPT_TIMEOUT = "x-scoring-timeout-seconds"

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?|\.\d{1,9}")
_IN_SCOPE = "scoring.deadline"


@dataclass(slots=True)
class Deadline:
    """When a request must be answered.

    Attributes:
        arrived: when it came, on the clock of `time.monotonic()`.
        at: when it must be answered, on the same clock.
        timer: runs while somebody waits.
    """

    arrived: float
    at: float
    timer: asyncio.Timeout | None = None

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline of a request that comes now and has so many seconds."""
        arrived = time.monotonic()
        return cls(arrived, arrived + seconds)

    async def bound(self, work: Callable[[float], Awaitable[ResultT]]) -> ResultT:
        """Await `work`, which is told when it must be done.

        Raises:
            RequestTimeout: it was not done by then.
        """
        try:
            async with until(self.at) as self.timer:
                return await work(self.at)
        except TimeoutError:
            raise timed_out() from None

    def bring_forward(self, seconds: float) -> float:
        """Give the request so many seconds from its arrival, if it has more; return when it must be answered.

        To be called by the work that `bound` awaits.
        """
        if self.arrived + seconds < self.at:
            self.at = self.arrived + seconds
            assert self.timer is not None  # noqa: S101 - it runs around who calls this
            self.timer.reschedule(asyncio.get_running_loop().time() + self.at - time.monotonic())
        return self.at


async def before_deadline(
    request: Request, settings: IngressSettings, work: Callable[[float], Awaitable[ResultT]]
) -> ResultT:
    """Await `work`, which is told the request's deadline on the clock of `time.monotonic()`.

    What a request does in several such steps has one deadline.

    Raises:
        RequestTimeout: it was not done by then.
        BadRequest: the client's own limit is no number of seconds.
    """
    if _IN_SCOPE not in request.scope:
        seconds = min(settings.request_timeout_seconds, _client_seconds(request) or settings.request_timeout_seconds)
        request.scope[_IN_SCOPE] = Deadline.after(seconds)
    return await deadline_of(request).bound(work)


def deadline_of(request: Request) -> Deadline:
    """Return the deadline of a request that `before_deadline` awaits."""
    deadline: Deadline = request.scope[_IN_SCOPE]
    return deadline


def _client_seconds(request: Request) -> float | None:
    text = header(request, KEPT_TIMEOUT)
    if text is None:
        text = header(request, CLIENT_TIMEOUT)
    if text is None:
        return None
    if not (_SECONDS.fullmatch(text) and (seconds := float(text)) > 0):
        raise BadRequest(f"The header {CLIENT_TIMEOUT} must be a number of seconds above 0, as in 2.5.")
    return seconds
