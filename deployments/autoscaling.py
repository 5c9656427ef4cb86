"""Replicas by requests in flight, under coalescing too: the policy that stages name, and Ray's options for it."""

from __future__ import annotations

import warnings
from typing import Any, cast

from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy, RequestRouterConfig

from deployments.contracts import CALLS_PER_REPLICA
from deployments.scaling import ScalingSettings
from deployments.stage_load import REQUESTS_IN_FLIGHT

ROUTER = "deployments.least_busy_router:LeastBusyRouter"

# How often load is reported and over how long it is averaged. With these a decision comes about a second after
# the load, as it did in Azure Machine Learning's router. Reports of many replicas would keep Ray Serve's controller
# busy, so those of a stage that may have many are half as frequent.
REPORT_SECONDS = 0.5
MANY_REPLICAS = 100
REPORT_SECONDS_OF_MANY = 1.0
LOOK_BACK_SECONDS = 2.0

HEALTH_CHECK_SECONDS = 3.0

# Requests that an ingress replica answers at once beside those that it may hold: health checks, and refusals, which
# would otherwise wait until one of those has been answered.
REFUSED_AT_ONCE = 4096

# Calls that ask a replica for its description come beside those that carry requests.
DESCRIBE_CALLS = 8


def replicas_for_requests_in_flight(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """Return the replicas that bring requests in flight per replica to the target; Ray bounds and delays it."""
    in_flight = sum((context.aggregated_metrics or {}).get(REQUESTS_IN_FLIGHT, {}).values())
    config = cast("AutoscalingConfig", context.config)
    wanted = in_flight / config.get_target_ongoing_requests()
    return max(wanted, context.capacity_adjusted_min_replicas), {}


def ingress_options(scaling: ScalingSettings, *, max_requests: int) -> dict[str, Any]:
    """Ray Serve's deployment options for the ingress.

    Args:
        scaling: the ingress's settings.
        max_requests: that the ingress itself holds at once; it refuses more, and Ray must let them come so far.
    """
    return {"max_ongoing_requests": max_requests + REFUSED_AT_ONCE, **_replicas(scaling)}


def stage_options(scaling: ScalingSettings, *, callers: int, explanations: int = 0) -> dict[str, Any]:
    """Ray Serve's deployment options for a stage that gets coalesced calls.

    Args:
        scaling: the stage's settings.
        callers: replicas that call this stage at the most; each may have its calls out at a replica.
        explanations: that may be under way at the most, beside those calls and without taking their place.
    """
    # Ray says of each keyword that it is a dictionary.
    router = RequestRouterConfig(request_router_class=ROUTER)  # type: ignore[arg-type]
    return {
        "max_ongoing_requests": CALLS_PER_REPLICA * callers + DESCRIBE_CALLS + explanations,
        "request_router_config": router,
        **_replicas(scaling),
    }


def _replicas(scaling: ScalingSettings) -> dict[str, Any]:
    # A lost replica is noticed by the next check of its health.
    common: dict[str, Any] = {"health_check_period_s": HEALTH_CHECK_SECONDS}
    if scaling.max_replicas_per_node is not None:
        common["max_replicas_per_node"] = scaling.max_replicas_per_node
    if scaling.min_replicas == scaling.max_replicas:
        # Nothing to decide: no reports either.
        return {**common, "num_replicas": scaling.min_replicas}
    return {**common, "autoscaling_config": _autoscaling(scaling)}


def _autoscaling(scaling: ScalingSettings) -> AutoscalingConfig:
    policy = AutoscalingPolicy(policy_function=replicas_for_requests_in_flight)  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        # The variables that are to replace `metrics_interval_s` are read nowhere in Ray 2.60.
        warnings.simplefilter("ignore", DeprecationWarning)
        return AutoscalingConfig(
            min_replicas=scaling.min_replicas,
            max_replicas=scaling.max_replicas,
            target_ongoing_requests=scaling.target_in_flight,
            upscale_delay_s=scaling.scale_up_delay_seconds,
            downscale_delay_s=scaling.scale_down_delay_seconds,
            metrics_interval_s=REPORT_SECONDS if scaling.max_replicas < MANY_REPLICAS else REPORT_SECONDS_OF_MANY,
            look_back_period_s=LOOK_BACK_SECONDS,
            policy=policy,
        )
