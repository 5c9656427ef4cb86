"""A model that waits and computes nothing; its replica loads what any stage's does, and nothing of the ingress."""

from __future__ import annotations

import asyncio
import logging
import time

from deployments.contracts import CallLimits, Matches, ModelDescription, Outcome, Question, Reply
from deployments.replica import replica_id
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad
from deployments.telemetry.replica import observe_stage

logger = logging.getLogger("ray.serve")

_ANSWER = Matches(ids=[1], answer_ids=[1], probabilities=[1.0])


class WaitingReplica:
    """Answers requests one after the other, each after the same time; a call of several waits for all of them.

    Args:
        wait_ms: for each request, in milliseconds, so that 1000 / wait_ms requests a second is all that it can do.
        calls: how it is to be called.
    """

    def __init__(self, wait_ms: float, calls: CallLimits) -> None:
        self._calls = calls
        self._seconds = wait_ms / 1e3
        self._free_at = 0.0
        self._has_answered = False
        self._load = StageLoad()
        self._replica = replica_id()
        observe_stage(self._load)

    async def score(
        self, questions: list[Question], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[Matches]:
        """Answer each question; see the contract of a stage."""
        del left_seconds  # nothing is refused here: what waits too long shows as such
        with self._load.count(waited_seconds):
            # A clock of its own: what the event loop comes late with does not add up.
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + self._seconds * len(questions)
            if self._seconds:
                await asyncio.sleep(self._free_at - now)
        if not self._has_answered:
            # As Ray Serve writes each call where it is not told to write none; see `ServeLogs.first_answer`.
            self._has_answered = True
            logger.info("CALL score OK, the first")
        return Reply([Outcome(_ANSWER, {"infer": self._seconds}) for _ in questions], self._replica)

    async def describe(self) -> ModelDescription:
        """Tell what it is."""
        return ModelDescription("none", "trained", (), (), {"wait_ms": self._seconds * 1e3}, calls=self._calls)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}
