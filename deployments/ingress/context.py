"""What is known of one request while it is answered: one object that every step of the pipeline reads and fills in."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from deployments.codecs.body import Body
from deployments.deadlines import timed_out
from deployments.errors import ClientGone, PayloadTooLarge, RequestTimeout, ScoringError
from deployments.ingress.access.principals import Principal
from deployments.ingress.body_memory import Held
from deployments.ingress.quotas.admission import Admission
from deployments.ingress.settings import IngressSettings
from deployments.telemetry.observation import Observation

KIBIBYTE = 1024

# Most requests are answered by then, and cost no task that watches for a client that goes away.
WATCH_AFTER_SECONDS = 0.1

# A timer may fire a moment before its time.
EARLY_SECONDS = 0.002


class RequestContext(ABC):
    """One request, whatever transport it came by.

    One timer looks after it: it ends the request at its deadline, ends a body that comes too slowly, and begins to
    watch for a client that goes away. Whatever it ends is cancelled, and `failure` says why.

    Attributes:
        observation: what logs, traces and metrics are told.
        request_id: harmless, see `request_ids`.
        settings: the ingress's, or its client's where those are lower.
        principal: who sent it, once that is known.
        held: the memory of its body.
        admission: by its client's quota; None where it has none.
        started: when it came, on the clock of `time.perf_counter()`.
        deadline: when it must be answered, on the clock of `time.monotonic()`.
        body_was_read: whether nothing of it is still to come.
        failure: why it is cancelled.
        kept_bytes: of each body, for logs.
    """

    # What errors call the body.
    noun = "body"

    __slots__ = (
        "_arrived",
        "_body_until",
        "_task",
        "_timer",
        "_watcher",
        "admission",
        "body_was_read",
        "deadline",
        "failure",
        "held",
        "kept_bytes",
        "observation",
        "principal",
        "request_id",
        "settings",
        "started",
    )

    def __init__(self, observation: Observation, settings: IngressSettings, request_id: str) -> None:
        self.observation = observation
        self.request_id = request_id
        self.settings = settings
        self.principal: Principal | None = None
        self.held: Held | None = None
        self.admission: Admission | None = None
        self.started = time.perf_counter()
        self.body_was_read = False
        self.failure: ScoringError | None = None
        self.kept_bytes = 0
        self._arrived = time.monotonic()
        self.deadline = self._arrived + settings.request_timeout_seconds
        self._body_until = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def credentials(self) -> Iterable[tuple[bytes, bytes]]:
        """Headers that may hold a key or token, names in lower case."""

    @property
    @abstractmethod
    def announced_bytes(self) -> int | None:
        """Size of the body as far as that is known before it is read."""

    @abstractmethod
    async def read(self) -> Body:
        """Read the whole body.

        Raises:
            PayloadTooLarge: it is longer than the limit; what follows is not read.
            Overloaded: there is no memory for it at the moment; what follows is not read.
            QuotaExceeded: it is more than its client has left for today.
            BadRequest: it is empty, or the client went away in the middle.
        """

    async def client_left(self) -> None:
        """Return when the client has gone away; never, for transports that cancel by themselves."""
        await asyncio.Event().wait()

    def keep(self, size: int) -> None:
        """Keep so many bytes of each body for logs."""
        self.kept_bytes = size
        self.observation.received, self.observation.sent = b"", b""

    def bring_forward(self, seconds: float) -> None:
        """Give the request so many seconds from its arrival, if it has more."""
        self.deadline = min(self.deadline, self._arrived + seconds)

    def seconds(self) -> float:
        """Return how long it takes so far."""
        return time.perf_counter() - self.started

    def cover(self, size: int) -> None:
        """Hold the memory of a body of this size.

        Raises:
            PayloadTooLarge: the limit is lower.
            Overloaded: there is not so much memory left.
        """
        if size > self.settings.max_body_bytes:
            raise PayloadTooLarge(f"The {self.noun} is larger than the limit of {self.settings.max_body_bytes} bytes.")
        if self.held is not None:
            self.held.cover(size)

    def body_came(self, size: int) -> None:
        """Put off the end of reading by as long as bytes that have come may take."""
        self._body_until += size / (self.settings.min_body_kb_per_second * KIBIBYTE)

    def start_timer(self) -> None:
        """Begin to look after the request, in the task that answers it; the body is read next."""
        self._task = asyncio.current_task()
        self._body_until = self._arrived + self.settings.body_timeout_seconds
        self._set_timer(min(self._arrived + WATCH_AFTER_SECONDS, self.deadline, self._body_until))

    def check_timer(self) -> None:
        """Take note of a deadline that was brought forward."""
        if self._timer is not None:
            self._timer.cancel()
            self._look()

    def stop_timer(self) -> None:
        """Look after the request no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def reason(self) -> ScoringError | None:
        """Return why the request was cancelled, if it was for a reason of its own, and take the cancellation back."""
        if self.failure is not None and self._task is not None and self._task.uncancel() == 0:
            return self.failure
        return None

    def _set_timer(self, at: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(at - time.monotonic(), 0.0), self._look)

    def _look(self) -> None:
        now = time.monotonic() + EARLY_SECONDS
        if now >= self.deadline:
            self._fail(timed_out())
        elif self.body_was_read:
            if self._watcher is None and now >= self._arrived + WATCH_AFTER_SECONDS:
                self._watcher = asyncio.get_running_loop().create_task(self._watch())
            self._set_timer(self.deadline if self._watcher else min(self.deadline, now + WATCH_AFTER_SECONDS))
        elif now >= self._body_until:
            self._fail(RequestTimeout("The body came too slowly."))
        else:
            # When it has come, somebody is to watch the client.
            self._set_timer(min(self.deadline, self._body_until, now + WATCH_AFTER_SECONDS))

    async def _watch(self) -> None:
        await self.client_left()
        self._fail(ClientGone("The client closed the connection."))

    def _fail(self, failure: ScoringError) -> None:
        if self.failure is None and self._task is not None:
            self.failure = failure
            self._task.cancel()
