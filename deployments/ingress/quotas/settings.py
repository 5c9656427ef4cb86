"""How much each client may use: settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

REDIS_SCHEMES = ("redis", "rediss", "unix")

# What lifts a limit that a client would have otherwise.
UNLIMITED = "unlimited"
Unlimited = Literal["unlimited"]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)] | Unlimited | None
Bytes = Annotated[int, Field(ge=1, le=1 << 52)] | Unlimited | None

# What becomes of a request while its quota cannot be counted.
OnFailure = Literal["open", "closed"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LimitSettings(_Settings):
    """What one client may use of one model; what is left out is not limited, or as more general limits have it."""

    requests_per_second: Annotated[float, Field(gt=0, le=100_000)] | Unlimited | None = Field(
        default=None, description="Requests per second in the long run."
    )
    burst: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Requests that may come at once after a pause; those of one second if left out."
    )
    concurrent_requests: Count = Field(default=None, description="Requests in flight at once.")
    bytes_per_day: Bytes = Field(default=None, description="Bytes of request bodies from midnight to midnight, UTC.")
    items_per_request: dict[str, Count] = Field(
        default={},
        description="Items of one request, by what its model's kind calls them; the ingress's own limit holds.",
    )

    @model_validator(mode="after")
    def _burst_has_a_rate(self) -> LimitSettings:
        if self.burst is not None and self.requests_per_second == UNLIMITED:
            raise ValueError("burst needs a number of requests_per_second")
        return self


class ExceptionSettings(LimitSettings):
    """Other limits for a client, a model, or a client at a model."""

    client: str | None = Field(default=None, min_length=1, description="The client's name; every client if left out.")
    model: str | None = Field(default=None, min_length=1, description="The model's name; every model if left out.")

    @model_validator(mode="after")
    def _is_for_someone(self) -> ExceptionSettings:
        if self.client is None and self.model is None:
            raise ValueError("an exception needs a client or a model; limits for everybody stand under default")
        return self


class FailureSettings(_Settings):
    """What becomes of requests while Redis does not count: open lets them through, closed answers 503."""

    scoring: OnFailure = Field(default="open", description="For requests that score, or get a token for that.")
    admin: OnFailure = Field(default="closed", description="For requests that need the role scoring.admin.")


class QuotaSettings(_Settings):
    """How much each client may use of each model; without limits nothing is counted."""

    default: LimitSettings = Field(default=LimitSettings(), description="Limits of every client at each model.")
    exceptions: list[ExceptionSettings] = Field(
        default=[],
        description="What is different for some. A client's goes before a model's, that of both before either.",
    )
    storage: Literal["memory", "redis"] = Field(
        default="memory",
        description="memory: each replica of the ingress counts for itself; redis: all of them count together.",
    )
    # Not in dumps: those go where Ray shows them.
    redis_url: SecretStr | None = Field(
        default=None,
        exclude=True,
        description="redis://[[user]:password@]host[:port][/database], rediss:// for TLS, or unix://path.",
    )
    redis_prefix: str = Field(
        default="ray-scoring",
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        description="Begins every key in Redis; services that share one need prefixes of their own.",
    )
    redis_timeout_seconds: float = Field(
        default=0.25, gt=0, le=5, description="How long a request waits for Redis at the most."
    )
    redis_retry_seconds: float = Field(
        default=1, gt=0, le=60, description="How often Redis is tried again while it does not answer."
    )
    on_failure: FailureSettings = Field(
        default=FailureSettings(), description="What becomes of requests while Redis does not answer."
    )

    @field_validator("redis_url")
    @classmethod
    def _is_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _is_redis(url.get_secret_value()):
            raise ValueError(
                "must be redis://[[user]:password@]host[:port][/database], rediss://... or unix://path; "
                "in a password, write / as %2F, @ as %40, : as %3A, # as %23, ? as %3F and % as %25"
            )
        return url

    @field_validator("exceptions")
    @classmethod
    def _are_told_apart(cls, exceptions: list[ExceptionSettings]) -> list[ExceptionSettings]:
        whom = [(each.client, each.model) for each in exceptions]
        for client, model in whom:
            if whom.count((client, model)) > 1:
                raise ValueError(f"two exceptions are for {_named(client, model)}; make one of them")
        return exceptions

    def problems(self, models: Collection[str]) -> Iterator[str]:
        """Tell what does not fit the rest of the settings; `models` are the names of those that are served."""
        if self.storage == "redis" and self.redis_url is None:
            yield "ingress.quotas.storage is redis, so ingress.quotas.redis_url must be set"
        if self.storage != "redis" and self.redis_url is not None:
            yield "ingress.quotas.redis_url is set, so ingress.quotas.storage must be redis"
        for place, each in enumerate(self.exceptions):
            if each.model is not None and each.model not in models:
                yield f"ingress.quotas.exceptions.{place} names '{each.model}'; there are {', '.join(models)}"
        if self.default.burst is not None and self.default.requests_per_second is None:
            yield "ingress.quotas.default.burst needs ingress.quotas.default.requests_per_second"


def _named(client: str | None, model: str | None) -> str:
    parts = [f"{noun} {name}" for noun, name in (("client", client), ("model", model)) if name is not None]
    return " at ".join(f"the {part}" for part in parts)


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # A password with a slash in it ends the host early, and what is before becomes a port that is no number.
        place = parts.path if parts.scheme == "unix" else parts.hostname
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in REDIS_SCHEMES and bool(place) and not any(sign.isspace() for sign in url)
