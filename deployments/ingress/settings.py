"""Limits of the front door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.scaling import ScalingSettings, filled_from
from deployments.telemetry.settings import LoggingSettings, TracingSettings

MEBIBYTE = 1024 * 1024

# Requests that one replica holds beside those that it works on, where the settings leave it open. Each stage bounds its
# own queue far lower; this bounds what reads bodies and forms responses.
DEFAULT_QUEUE = 1024

# A replica that is one busy process sees about half of what its clients have out: the rest is on its way.
SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=64, target_utilization=0.4)


class IngressSettings(BaseModel):
    """What the ingress accepts and how long it waits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_body_mb: int = Field(default=100, ge=1, le=1024, description="Largest request body, in MiB.")
    max_items_per_request: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={},
        description="Items of one request at the most, by what its model's kind calls them, as in {questions: 100}; "
        "what is left out is as the kind has it.",
    )
    max_result_rows: int = Field(
        default=1_000_000,
        ge=1,
        description="Rows of one response at the most, where a request says how many each of its results has.",
    )
    request_timeout_seconds: float = Field(
        default=60, gt=0, description="Requests that are not answered by then get 408; clients may set less for theirs."
    )
    body_timeout_seconds: float = Field(
        default=10,
        gt=0,
        description="How long a body may take, beside what its bytes take at `min_body_kb_per_second`; then 408.",
    )
    min_body_kb_per_second: float = Field(default=256, gt=0, description="How fast a body must come, in KiB/s.")
    max_body_memory_mb: int = Field(
        default=512,
        ge=1,
        description="Bodies that one replica holds at once, in MiB, or one of `max_body_mb` if that is more; requests "
        "beyond get 503 before their bodies are read. Bodies up to 64 KiB are not counted. What is made of a body "
        "takes up to twice its size beside it.",
    )
    readiness_timeout_seconds: float = Field(
        default=2, gt=0, description="How long a readiness check waits for each model."
    )
    access: AccessSettings = Field(default=AccessSettings(), description="Who may send requests.")
    quotas: QuotaSettings = Field(default=QuotaSettings(), description="How much each client may use.")
    logging: LoggingSettings = Field(default=LoggingSettings(), description="What is written down.")
    tracing: TracingSettings = Field(default=TracingSettings(), description="Where traces go.")
    scaling: Annotated[ScalingSettings, filled_from(SCALING)] = Field(
        default=SCALING,
        description="Replicas of the ingress; requests beyond slots and queue are refused with 503.",
    )

    # A client's, for one of its requests.
    _quota_items: dict[str, int] = PrivateAttr(default={})

    @property
    def max_body_bytes(self) -> int:
        """Largest request body, in bytes."""
        return self.max_body_mb * MEBIBYTE

    @property
    def body_memory_bytes(self) -> int:
        """Bytes of bodies that one replica holds at once; a body of the size that is allowed always has room alone."""
        return max(self.max_body_memory_mb, self.max_body_mb) * MEBIBYTE

    def most_items(self, noun: str, by_default: int) -> int:
        """Return how many items of a noun a request may have; `by_default`: as its model's kind has it."""
        most = self.max_items_per_request.get(noun, by_default)
        return min(most, self._quota_items.get(noun, most))

    def with_items(self, quota: dict[str, int]) -> IngressSettings:
        """Return the settings with a client's own limits for the items of one request."""
        narrowed = self.model_copy()
        narrowed._quota_items = quota  # noqa: SLF001 - of this class
        return narrowed

    @property
    def max_requests(self) -> int:
        """Requests that one replica holds at once."""
        queued = self.scaling.max_queued_requests
        return self.scaling.max_concurrent_requests + (DEFAULT_QUEUE if queued is None else queued)


# Returns the settings of the replica; whoever may see another set of them asks each time.
Limits = Callable[[], IngressSettings]
