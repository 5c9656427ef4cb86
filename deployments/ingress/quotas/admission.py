"""One request that was admitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from deployments.errors import QuotaExceeded
from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import LimitName, Usage
from deployments.ingress.quotas.rate_limit_headers import rate_limit_headers, retry_after_of
from deployments.ingress.settings import IngressSettings

_REFUSED: dict[LimitName, str] = {
    "requests": "The client has used up its requests per second for this model.",
    "concurrent": "The client has as many requests of this model in flight as it may.",
    "bytes": "The client has used up its bytes of today for this model, or the body is larger than the rest.",
}


class Admission:
    """A request on its way; whoever admitted it calls `finish` when it has ended.

    Args:
        bounds: its client's limits.
        usage: what the client has used, this request included; None where it was not counted.
        size: bytes of its body that are counted already.
        give_back: is told, at the end, how many bytes were read beyond those, if anything is to be given back.
        refuse: is told when the request is refused after all.
    """

    __slots__ = ("_bounds", "_give_back", "_most", "_read", "_refuse", "_size", "_usage")

    def __init__(
        self,
        bounds: Bounds,
        usage: Usage | None = None,
        size: int = 0,
        *,
        give_back: Callable[[int], None] | None = None,
        refuse: Callable[[], None] = lambda: None,
    ) -> None:
        self._bounds = bounds
        self._usage = usage
        self._size = size
        self._give_back = give_back
        self._refuse = refuse
        self._read = 0
        self._most: int | None = None
        if usage is not None and bounds.daily_bytes is not None:
            self._most = bounds.daily_bytes - usage.bytes_used + size

    @property
    def counts_bytes(self) -> bool:
        """Whether it matters how much of the body is read."""
        return self._most is not None

    @property
    def headers(self) -> dict[str, str]:
        """What a response tells of the client's limits, by header."""
        return {} if self._usage is None else rate_limit_headers(self._bounds, self._usage)

    def narrowed(self, settings: IngressSettings) -> IngressSettings:
        """Return the ingress's settings with the client's limits for one request where they are lower."""
        return self._bounds.narrowed(settings)

    def count(self, size: int) -> None:
        """Count bytes of the body that were read.

        Raises:
            QuotaExceeded: they are more than the client has left for today.
        """
        self._read += size
        if self._usage is not None and self._most is not None and self._read > self._most:
            self._refuse()
            raise exceeded(
                self._bounds, replace(self._usage, refused_by="bytes", wait_seconds=self._usage.seconds_left)
            )

    def finish(self) -> None:
        """Tell that the request has ended; a second time tells nothing."""
        if self._give_back is not None:
            give_back, self._give_back = self._give_back, None
            beyond = self._read - self._size if self._most is not None else 0
            if beyond or self._bounds.concurrent is not None:
                give_back(beyond)


def exceeded(bounds: Bounds, usage: Usage) -> QuotaExceeded:
    """Return the error for a request that was refused; it says by what, and when to come back."""
    assert usage.refused_by is not None  # noqa: S101 - so it was refused
    error = QuotaExceeded(_REFUSED[usage.refused_by])
    error.retry_after_seconds = retry_after_of(usage)
    error.headers = rate_limit_headers(bounds, usage)
    return error
