"""What the service writes down and sends out about requests."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class LoggingSettings(BaseModel):
    """Logs of all replicas, and the line that the ingress writes for each request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["json", "text"] = Field(default="json", description="json: one object for each line.")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lines below it are not written; those of requests are INFO."
    )
    access: bool = Field(default=True, description="Whether each request gets a line.")
    payloads: bool = Field(
        default=False, description="Whether that line has the bodies of request and response, scrubbed."
    )
    max_payload_bytes: int = Field(
        default=2048, ge=1, le=65536, description="How much of each body, where they are logged."
    )

    def for_ray(self) -> dict[str, Any]:
        """Ray Serve's `logging_config`; the ingress's line for each request takes the place of Ray's."""
        return {"encoding": self.format.upper(), "log_level": self.level, "enable_access_log": False}


class TracingSettings(BaseModel):
    """Where spans go; without an endpoint none are made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where an OpenTelemetry collector takes spans, as in http://collector:4318/v1/traces.",
    )
    sample_ratio: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the requests without a trace of their own that are traced; else their caller decides.",
    )
    service_name: str = Field(default="ray-scoring", min_length=1, description="The service's name in traces.")
