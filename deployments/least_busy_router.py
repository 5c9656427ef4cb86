"""Which replica of a stage gets a call: the one that has the fewest of this caller's calls."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

from ray.serve.request_router import FIFOMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica

# Replicas that are looked at for a call; of more, so many by chance. What a choice costs so is bounded.
LOOKED_AT = 64

# Replicas that are offered to Ray at once. It takes the one that says to have less to do, other callers' calls
# included, and waits for none that has to be asked first.
OFFERED = 2


class LeastBusyRouter(FIFOMixin, RequestRouter):
    """Ray Serve's router of a stage's calls, with a choice of its own.

    Ray's default takes the better of two replicas by chance. With two calls out for each replica, that often leaves one
    with none while another has three: so four replicas gave 75 % of what they can do together.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._calls_out: Counter[ReplicaID] = Counter()
        # When each was offered first. Of equals it is the turn of the one whose time is longest ago, so that calls
        # which are made together, before any of them counts, do not meet.
        self._turns: dict[ReplicaID, int] = {}
        self._clock = count(1)

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Take note of the replicas that there are."""
        super().update_replicas(replicas)
        self._turns = {each.replica_id: self._turns.get(each.replica_id, 0) for each in replicas}

    async def choose_replicas(
        self, candidate_replicas: Sequence[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Return the replicas with the fewest calls, and next ones for when those take no more."""
        if pending_request is not None:
            # Where none of them takes a call, Ray waits before it asks for the next choice.
            pending_request.routing_context.should_backoff = True
        ordered = sorted(_some(candidate_replicas), key=self._order)
        if not ordered:
            return []
        first = ordered[0].replica_id
        self._turns[first] = next(self._clock)
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

    def _order(self, replica: RunningReplica) -> tuple[int, int]:
        return self._calls_out[replica.replica_id], self._turns.get(replica.replica_id, 0)


def _some(replicas: Sequence[RunningReplica]) -> Sequence[RunningReplica]:
    return replicas if len(replicas) <= LOOKED_AT else random.sample(replicas, LOOKED_AT)
