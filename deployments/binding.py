"""How a kind binds a stage with replicas of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import ray
from ray.serve import Application, Deployment

from deployments.autoscaling import stage_options
from deployments.kinds import Surroundings
from deployments.scaling import ScalingSettings, resources


def bind_stage(
    deployment: Deployment,
    name: str,
    scaling: ScalingSettings,
    surroundings: Surroundings,
    *,
    callers: int,
    explanations: int = 0,
    gpus: float = 0,
) -> Callable[..., Application]:
    """Return what binds a stage to the arguments of its constructor.

    Args:
        deployment: the stage.
        name: of this deployment of it.
        scaling: its settings.
        surroundings: the application.
        callers: replicas that call it at the most.
        explanations: that may be under way at the most, beside other calls.
        gpus: to reserve for each replica.
    """
    configured = deployment.options(
        name=name,
        ray_actor_options=resources(scaling, gpus=gpus),
        graceful_shutdown_timeout_s=surroundings.drain_seconds,
        logging_config=surroundings.logging,
        **stage_options(scaling, callers=callers, explanations=explanations),
    )
    return configured.bind


def class_of(deployment: Deployment) -> type[Any]:
    """Return the class of a stage, for a replica of the ingress that hosts it."""
    return cast("type[Any]", deployment.func_or_class)


def gpus_of_ray() -> float | None:
    """Return the GPUs of the cluster that this process is connected to; None without one."""
    if not ray.is_initialized():
        return None
    resources_of_cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources_of_cluster.get("GPU", 0)
