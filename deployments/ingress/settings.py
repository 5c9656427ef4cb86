"""Limits of the front door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from deployments.ingress.access.settings import AccessSettings
from deployments.scaling import ScalingSettings
from deployments.telemetry.settings import LoggingSettings, TracingSettings

MEBIBYTE = 1024 * 1024


class IngressSettings(BaseModel):
    """What the ingress accepts and how long it waits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_body_mb: int = Field(default=100, ge=1, le=1024, description="Largest request body, in MiB.")
    max_images_per_request: int = Field(default=64, ge=1, description="Images in one request at the most.")
    max_explained_images_per_request: int = Field(
        default=4, ge=1, description="Images of one request that may be explained, each at the price of about 50."
    )
    max_questions_per_request: int = Field(default=1000, ge=1, description="Questions in one request at the most.")
    max_result_rows: int = Field(
        default=1_000_000, ge=1, description="Matches in one response at the most, those of all its questions together."
    )
    request_timeout_seconds: float = Field(
        default=60, gt=0, description="Requests that are not answered by then get 408."
    )
    readiness_timeout_seconds: float = Field(
        default=2, gt=0, description="How long a readiness check waits for each model."
    )
    access: AccessSettings = Field(default=AccessSettings(), description="Who may send requests.")
    logging: LoggingSettings = Field(default=LoggingSettings(), description="What is written down.")
    tracing: TracingSettings = Field(default=TracingSettings(), description="Where traces go.")
    default_models: dict[Literal["text", "images"], str] = Field(
        default={},
        description="Which model answers `POST /score`, for text and for images; else the first that takes it.",
    )
    scaling: ScalingSettings = Field(
        default=ScalingSettings(max_replicas=2, max_concurrent_requests=64),
        description="Replicas of the ingress; requests beyond slots and queue are refused with 503.",
    )

    @property
    def max_body_bytes(self) -> int:
        """Largest request body, in bytes."""
        return self.max_body_mb * MEBIBYTE

    @property
    def max_requests(self) -> int:
        """Requests that one replica holds at once."""
        return self.scaling.max_concurrent_requests + self.scaling.max_queued_requests


# Limits may change while the ingress runs, so what needs them asks each time.
Limits = Callable[[], IngressSettings]
