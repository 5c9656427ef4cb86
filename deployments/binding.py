"""How a kind binds a stage with replicas of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ray import serve
from ray.serve import Application, Deployment
from ray.serve.config import AutoscalingConfig
from ray.serve.handle import DeploymentHandle

from deployments.autoscaling import stage_options
from deployments.failures import ROOT
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


class Root:
    """What Ray Serve takes as an application's ingress, of which there is never a replica.

    The gateway calls the first stage itself. Were that the application's ingress, it could not have a router of its
    own, and each of its replicas would listen for HTTP.
    """

    def __init__(self, first: DeploymentHandle[Any]) -> None:
        raise NotImplementedError


def rooted(first: Application) -> Application:
    """Return an application whose stages are those of another, below a root without replicas."""
    nothing = AutoscalingConfig(min_replicas=0, initial_replicas=0, max_replicas=1)
    return cast("Deployment", serve.deployment(Root)).options(name=ROOT, autoscaling_config=nothing).bind(first)


def class_of(deployment: Deployment) -> type[Any]:
    """Return the class of a stage, for a replica of the gateway that has it in its process."""
    return cast("type[Any]", deployment.func_or_class)
