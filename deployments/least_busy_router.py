"""Which replica of a stage gets a call: the one that has the fewest of this caller's calls."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Any

from ray.serve.request_router import FIFOMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica

# Replicas that are looked at for a call; of more, so many by chance. What a choice costs so is bounded.
LOOKED_AT = 64

# Replicas that are offered to Ray at once. It takes the one that says to have less to do, other callers' calls
# included, and waits for none that has to be asked first.
OFFERED = 2

# A call counts when Ray sends it, some turns of the event loop after the choice. For so long others with equally few
# calls go before the replica that was chosen; after it, where Ray had to ask replicas first, two calls may meet.
SENT_SECONDS = 0.1


class LeastBusyRouter(FIFOMixin, RequestRouter):
    """Ray Serve's router of a stage's calls, with a choice of its own.

    Ray's default takes the better of two replicas by chance. With two calls out for each replica, that often leaves one
    with none while another has three: so four replicas gave 75 % of what they can do together.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._calls_out: Counter[ReplicaID] = Counter()
        # When each was chosen last.
        self._chosen_at: dict[ReplicaID, float] = {}

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Take note of the replicas that there are."""
        super().update_replicas(replicas)
        self._chosen_at = {each.replica_id: self._chosen_at.get(each.replica_id, 0.0) for each in replicas}

    async def choose_replicas(
        self, candidate_replicas: Sequence[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Return the replicas with the fewest calls, and next ones for when those take no more."""
        if pending_request is not None:
            # Where none of them takes a call, Ray waits before it asks for the next choice.
            pending_request.routing_context.should_backoff = True
        now = monotonic()
        ordered = sorted(_some(candidate_replicas), key=lambda each: self._order(each.replica_id, now))
        if not ordered:
            return []
        first = ordered[0].replica_id
        self._chosen_at[first] = now
        idlest = [each for each in ordered[:OFFERED] if self._calls_out[each.replica_id] == self._calls_out[first]]
        return [idlest, ordered[len(idlest) :][:OFFERED]]

    def on_send_request(self, replica_id: ReplicaID) -> None:
        """Count a call that leaves."""
        super().on_send_request(replica_id)
        self._calls_out[replica_id] += 1

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        """Count a call that has come back, answered or not; nothing stays of a replica that has none."""
        super().on_request_completed(replica_id, internal_request_id)
        self._calls_out[replica_id] -= 1
        if self._calls_out[replica_id] <= 0:
            del self._calls_out[replica_id]

    def _order(self, replica_id: ReplicaID, now: float) -> tuple[int, float, float]:
        """Return the fewest calls first; of equals, one that no call which is not sent yet is meant for, by chance."""
        chosen_at = self._chosen_at.get(replica_id, 0.0)
        turn = chosen_at if now - chosen_at < SENT_SECONDS else 0.0
        return self._calls_out[replica_id], turn, random.random()  # noqa: S311 - nothing depends on its secrecy


def _some(replicas: Sequence[RunningReplica]) -> Sequence[RunningReplica]:
    return replicas if len(replicas) <= LOOKED_AT else random.sample(replicas, LOOKED_AT)
