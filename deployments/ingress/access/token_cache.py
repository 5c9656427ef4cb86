"""Tokens that were verified a moment ago, so that a client's next requests do not pay for it again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from deployments.ingress.access.token_claims import Claims

# With the looks at the file of signing keys, what is withdrawn there is refused within 5 seconds. Keys of clients are
# looked up each time.
KEPT_SECONDS = 2.0
MOST_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class _Entry:
    claims: Claims
    until: float


class TokenCache:
    """Claims of verified tokens by the tokens' hashes, never beyond a token's end.

    Args:
        clock: seconds that only grow.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._entries: dict[bytes, _Entry] = {}

    def get(self, token: str) -> Claims | None:
        """Return the claims of a token that was verified and is still valid."""
        entry = self._entries.get(_hash(token))
        return entry.claims if entry is not None and self._clock() < entry.until else None

    def put(self, token: str, claims: Claims) -> None:
        """Keep the claims of a token that has just been verified."""
        while len(self._entries) >= MOST_TOKENS:
            # The oldest; they end in about the order in which they came.
            del self._entries[next(iter(self._entries))]
        left = min(KEPT_SECONDS, float(claims["exp"]) - self._wall_clock())
        name = _hash(token)
        self._entries.pop(name, None)
        self._entries[name] = _Entry(claims, self._clock() + left)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
