"""The product's own path with a model that waits and computes nothing, as one on a device of its own does.

`loadtest.in_process.waiting_app:gateway` and `:version` are applications for Ray Serve's config file. Gateway,
coalescing, limits and autoscaling are the product's; only the model is not.
"""

from __future__ import annotations

from typing import Any, cast

from ray import serve
from ray.serve import Application, Deployment

from deployments.autoscaling import ingress_options, stage_options
from deployments.binding import rooted
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.deployment import INGRESS
from deployments.ingress.settings import IngressSettings
from deployments.kinds import DEFAULT_CALLERS, Surroundings
from deployments.scaling import ScalingSettings, resources
from loadtest.in_process.waiting import WaitingReplica

DRAIN_SECONDS = 65


def gateway(args: dict[str, Any]) -> Application:
    """Build the gateway.

    Args:
        args: `model`, its name; `scaling`, as in the product's settings; `place`, a resource of Ray's, for where its
            replicas are to run.
    """
    scaling = ScalingSettings.model_validate(args.get("scaling", {}))
    settings = IngressSettings(access=AccessSettings(required=False), scaling=scaling)
    name = args["model"]
    # Of the FAQ's kind, as the wire has it.
    model = {"kind": "faq_matcher", "name": name, "versions": [{"name": "1", "application": f"{name}-1"}]}
    return INGRESS.options(
        ray_actor_options=_placed(scaling, args.get("place")),
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        logging_config=settings.logging.for_ray(),
        user_config={"models": [model]},
        **ingress_options(scaling, max_requests=settings.max_requests),
    ).bind(settings, Surroundings())


def version(args: dict[str, Any]) -> Application:
    """Build the model.

    Args:
        args: `name` of its deployment; `wait_ms`; `scaling` and `place`, as the gateway's.
    """
    scaling = ScalingSettings.model_validate(args.get("scaling", {}))
    stage = cast("Deployment", serve.deployment(WaitingReplica)).options(
        name=args["name"],
        ray_actor_options=_placed(scaling, args.get("place")),
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        logging_config=IngressSettings().logging.for_ray(),
        **stage_options(scaling, callers=DEFAULT_CALLERS),
    )
    return rooted(stage.bind(float(args.get("wait_ms", 0)), scaling.call_limits()))


def _placed(scaling: ScalingSettings, place: str | None) -> dict[str, Any]:
    return {**resources(scaling), **({"resources": {place: 0.001}} if place else {})}
