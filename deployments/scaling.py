"""Autoscaling in the product's terms, and what they are in Ray Serve's."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from deployments.contracts import CALLS_PER_REPLICA, CallLimits


class ScalingSettings(BaseModel):
    """How many replicas a stage has and when it gets more.

    Replicas are added so that requests in flight / (replicas x max_concurrent_requests) stays near the target
    utilization: replicas = ceil(requests in flight / (target_utilization x max_concurrent_requests)).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    min_replicas: int = Field(default=1, ge=1, description="Replicas that are always there.")
    max_replicas: int = Field(default=1, ge=1, description="Replicas at the most.")
    target_utilization: float = Field(default=0.7, gt=0, le=1, description="Wanted share of busy request slots.")
    max_concurrent_requests: int = Field(default=8, ge=1, description="Requests that one replica works on at once.")
    max_queued_requests: int | None = Field(
        default=None,
        ge=0,
        description="Requests that may wait in each caller; one more is refused with 503. If left out, as many as "
        "the calls to the replicas hold, and at least 32.",
    )
    scale_up_delay_seconds: float = Field(default=0, ge=0, description="How long load must last before adding.")
    scale_down_delay_seconds: float = Field(
        default=60, ge=0, description="How long idleness must last before removing."
    )
    cpus: float = Field(default=0, ge=0, description="CPUs that Ray reserves for each replica; 0 reserves none.")
    max_replicas_per_node: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Replicas on one machine at the most, so that the loss of one does not take them all.",
    )
    memory_mb: int = Field(default=0, ge=0, description="Memory that Ray reserves for each replica; 0 reserves none.")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> ScalingSettings:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas ({self.max_replicas}) must be at least min_replicas ({self.min_replicas})")
        return self

    @property
    def target_in_flight(self) -> float:
        """Requests in flight that one replica should have."""
        return self.target_utilization * self.max_concurrent_requests

    @property
    def max_items_per_call(self) -> int:
        """Requests in one coalesced call, so that all calls to a replica hold its concurrent requests."""
        return max(1, self.max_concurrent_requests // CALLS_PER_REPLICA)

    def call_limits(self, *, together: bool = True, explanations: int = 0) -> CallLimits:
        """Return how a stage of these settings is called."""
        return CallLimits(
            replicas=self.min_replicas,
            concurrent=self.max_concurrent_requests,
            per_call=self.max_items_per_call,
            waiting=self.max_queued_requests,
            together=together,
            explanations=explanations,
        )


def filled_from(defaults: ScalingSettings) -> BeforeValidator:
    """Let settings that leave something out have it from a stage's own defaults in place of the general ones."""
    own = defaults.model_dump(exclude_unset=True)
    return BeforeValidator(lambda given: {**own, **given} if isinstance(given, dict) else given)


def resources(scaling: ScalingSettings, *, gpus: float = 0) -> dict[str, Any]:
    """Ray's `ray_actor_options` for one replica."""
    options: dict[str, Any] = {"num_cpus": scaling.cpus, "num_gpus": gpus}
    if scaling.memory_mb:
        options["memory"] = scaling.memory_mb * 1024 * 1024
    return options
