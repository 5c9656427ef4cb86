"""The product's own path with a model that waits and computes nothing, as one on a device of its own does.

`loadtest.in_process.waiting_app:build` is an application for Ray Serve's config file. Ingress, coalescing, limits and
autoscaling are the product's; only the model is not.
"""

from __future__ import annotations

from typing import Any, cast

from ray import serve
from ray.serve import Application, Deployment

from deployments.autoscaling import ingress_options, stage_options
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.deployment import INGRESS
from deployments.ingress.settings import IngressSettings
from deployments.kinds import BoundVersion
from deployments.scaling import ScalingSettings, resources
from loadtest.in_process.waiting import WaitingReplica

NAME = "waiting"
DRAIN_SECONDS = 65


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
    bound = BoundVersion(NAME, "1", "faq_matcher", stage.bind(float(args.get("wait_ms", 0))), scaling)
    return INGRESS.options(
        ray_actor_options=_placed(ingress.scaling, args.get("ingress_place")),
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        logging_config=ingress.logging.for_ray(),
        user_config=ingress.model_dump(mode="json"),
        **ingress_options(ingress.scaling, max_requests=ingress.max_requests),
    ).bind([bound], None)


def _placed(scaling: ScalingSettings, place: str | None) -> dict[str, Any]:
    return {**resources(scaling), **({"resources": {place: 0.001}} if place else {})}
