"""This product's own path with a model that waits and computes nothing, as one on a device of its own does.

`loadtest.in_process.waiting:build` is an application for Ray Serve's config file. Ingress, coalescing, limits and
autoscaling are the product's; only the model is not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, cast

from ray import serve
from ray.serve import Application, Deployment

from deployments.autoscaling import ingress_options, stage_options
from deployments.contracts import Matches, ModelDescription, Outcome, Question, Reply
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.deployment import INGRESS, BoundVersion
from deployments.ingress.settings import IngressSettings
from deployments.replica import replica_id
from deployments.scaling import ScalingSettings, resources
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad
from deployments.telemetry.replica import observe_stage

NAME = "waiting"
DRAIN_SECONDS = 65

logger = logging.getLogger("ray.serve")

_ANSWER = Matches(ids=[1], answer_ids=[1], probabilities=[1.0])


class WaitingReplica:
    """Answers requests one after the other, each after the same time; a call of several waits for all of them.

    Args:
        wait_ms: for each request, in milliseconds, so that 1000 / wait_ms requests a second is all that it can do.
    """

    def __init__(self, wait_ms: float) -> None:
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
        return ModelDescription("none", "trained", (), (), {"wait_ms": self._seconds * 1e3})

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}


def build(args: dict[str, Any]) -> Application:
    """Build the application.

    Args:
        args: `wait_ms`; `scaling` and `ingress_scaling`, as in the product's settings; `place` and `ingress_place`, a
            resource of Ray's each, for where replicas are to run.
    """
    scaling = ScalingSettings.model_validate(args.get("scaling", {}))
    ingress = IngressSettings(
        access=AccessSettings(required=False),
        scaling=ScalingSettings.model_validate(args.get("ingress_scaling", {})),
    )
    stage = cast("Deployment", serve.deployment(WaitingReplica)).options(
        name=f"{NAME}-1",
        ray_actor_options=_placed(scaling, args.get("place")),
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        logging_config=ingress.logging.for_ray(),
        **stage_options(scaling, callers=ingress.scaling.max_replicas),
    )
    bound = BoundVersion(NAME, "1", "text", stage.bind(float(args.get("wait_ms", 0))), scaling)
    return INGRESS.options(
        ray_actor_options=_placed(ingress.scaling, args.get("ingress_place")),
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        logging_config=ingress.logging.for_ray(),
        user_config=ingress.model_dump(mode="json"),
        **ingress_options(ingress.scaling, max_requests=ingress.max_requests),
    ).bind([bound], None)


def _placed(scaling: ScalingSettings, place: str | None) -> dict[str, Any]:
    return {**resources(scaling), **({"resources": {place: 0.001}} if place else {})}
