"""When a request is sent again, and after how long."""

from __future__ import annotations

import email.utils
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from serve_app.client.errors import ConnectionFailed
from serve_app.client.steps import Reply

# Nobody has worked on a request that is refused so, or nothing is left of it: scoring has no side effects.
REPEATED_STATUSES = frozenset({429, 502, 503})

# More than any pause needs, and not too many for a number.
_MOST_DOUBLINGS = 1000

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent, and the pauses between.

    The pause before retry n is drawn from 0 to min(`most_seconds`, `first_seconds` x 2^n): exponential backoff with
    full jitter, so that clients that were refused together do not come back together. Where the service says when to
    come back (Retry-After), that is added.

    Attributes:
        attempts: how often at the most; 1 for no retries.
        first_seconds: the longest first pause.
        most_seconds: the longest pause, aside from Retry-After.
    """

    attempts: int = 4
    first_seconds: float = 0.2
    most_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first_seconds <= self.most_seconds < float("inf"):
            raise ValueError("Retries need at least 1 attempt, and 0 <= first_seconds <= most_seconds.")

    def pause(
        self, retry: int, retry_after: float | None, uniform: Callable[[float, float], float] = random.uniform
    ) -> float:
        """Return how long to wait, in seconds.

        Args:
            retry: how many retries there were before, from 0.
            retry_after: what the service asks for, in seconds.
            uniform: draws a number between two.
        """
        longest = min(self.most_seconds, self.first_seconds * 2 ** min(retry, _MOST_DOUBLINGS))
        return (retry_after or 0.0) + uniform(0.0, longest)


NO_RETRIES = Retries(attempts=1)


def may_be_repeated(outcome: Reply | ConnectionFailed) -> bool:
    """Whether the same request may get another answer a moment later."""
    if isinstance(outcome, ConnectionFailed):
        return outcome.may_pass
    return outcome.status in REPEATED_STATUSES


def retry_after_seconds(headers: httpx.Headers) -> float | None:
    """Read Retry-After (RFC 9110, section 10.2.3): seconds, or a date; None if there is none that can be read.

    A date is compared with the response's own Date, so that it does not matter how this machine's clock is set.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    moment = http_date(text)
    if moment is None:
        return None
    return max(0.0, (moment - server_now(headers)).total_seconds())


def server_now(headers: httpx.Headers) -> datetime:
    """Return the time that a response was made, by the clock of whoever made it; else by this machine's."""
    return http_date(headers.get("date", "")) or datetime.now(UTC)


def http_date(text: str) -> datetime | None:
    """Read a date as HTTP writes it; None if it is none."""
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
