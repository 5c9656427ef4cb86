"""How many replicas of a stage answer, learnt from who answered."""

from __future__ import annotations

import time
from collections.abc import Callable

# A replica that has answered nothing for so long is taken as gone or idle.
RECENT_SECONDS = 10.0


class RecentReplicas:
    """Counts the replicas that answered recently.

    Ray's router sends calls to the replica with the fewest, so a new replica is seen with the next calls.

    Args:
        at_least: the count when fewer were seen.
        clock: monotonic seconds.
    """

    def __init__(self, at_least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_least = at_least
        self._clock = clock
        self._seen: dict[str, float] = {}

    def saw(self, replica: str) -> None:
        """Note that a replica has answered."""
        self._seen[replica] = self._clock()

    def forget(self) -> None:
        """Start anew, after a replica was lost."""
        self._seen.clear()

    def count(self) -> int:
        """Return how many replicas calls may be spread over."""
        if len(self._seen) <= self._at_least:
            return self._at_least
        oldest = self._clock() - RECENT_SECONDS
        self._seen = {replica: at for replica, at in self._seen.items() if at >= oldest}
        return max(self._at_least, len(self._seen))
