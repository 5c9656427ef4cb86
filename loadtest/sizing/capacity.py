"""What `scoring loadtest capacity` measured: the highest rate at which p99 stays under its target."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loadtest.errors import BenchmarkError
from loadtest.sizing.reading import from_json, read_text


class _Measured(BaseModel):
    # Further keys are the measurer's own.
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Point(_Measured):
    """One rate that was tried.

    Attributes:
        rate: requests per second, of the whole service.
        sent: requests per second that were sent.
        p50_ms: half of the answers took no longer, from when a request was due.
        p99_ms: 99 % took no longer.
        errors: requests without a good answer.
        valid: whether the generator sent what it was to send.
        cpu_cores: that the service's processes kept busy; None where that could not be seen.
    """

    rate: float = Field(gt=0)
    sent: float = Field(ge=0)
    p50_ms: float = Field(ge=0)
    p99_ms: float = Field(ge=0)
    errors: int = Field(ge=0)
    valid: bool
    cpu_cores: float | None = Field(default=None, ge=0)

    def holds(self, p99_target_ms: float) -> bool:
        """Whether the service answered all of it in time."""
        return self.valid and self.errors == 0 and self.p99_ms <= p99_target_ms


class Capacity(_Measured):
    """One model's curve.

    Attributes:
        model: its name.
        url: what was asked.
        p99_target_ms: that was to be kept.
        replicas: of the model, while it was measured.
        cores: of the machine that served.
        points: rates that were tried.
        capacity_per_s: the highest rate that kept the target, all replicas together.
        seconds_per_request: that one request alone takes in the service.
    """

    model: str = Field(min_length=1)
    url: str
    p99_target_ms: float = Field(gt=0)
    replicas: int = Field(ge=1)
    cores: float = Field(gt=0)
    points: list[Point] = Field(min_length=1)
    capacity_per_s: float = Field(ge=0)
    seconds_per_request: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _was_reached(self) -> Capacity:
        highest = max(point.rate for point in self.points)
        if self.capacity_per_s > highest:
            raise ValueError(f"capacity_per_s ({self.capacity_per_s:g}) is above every rate tried ({highest:g})")
        return self

    @property
    def rising(self) -> list[Point]:
        """Points by rate."""
        return sorted(self.points, key=lambda point: point.rate)

    def best(self, p99_target_ms: float | None = None) -> Point | None:
        """Return the highest rate up to which every rate kept the target; None where not even the lowest did.

        Args:
            p99_target_ms: another target than that of the measurement.
        """
        target = self.p99_target_ms if p99_target_ms is None else p99_target_ms
        best = None
        for point in self.rising:
            if not point.holds(target):
                break
            best = point
        return best

    def per_replica(self, p99_target_ms: float | None = None) -> float:
        """Return the requests per second that one replica answers within the target.

        Raises:
            BenchmarkError: no rate kept it.
        """
        best = self.best(p99_target_ms)
        rate = self.capacity_per_s if p99_target_ms is None else (best.rate if best else 0.0)
        if rate <= 0:
            target = self.p99_target_ms if p99_target_ms is None else p99_target_ms
            raise BenchmarkError(
                f"No measured rate of {self.model} kept p99 under {target:g} ms: measure lower rates, or allow more."
            )
        return rate / self.replicas

    def reached_the_end(self, p99_target_ms: float | None = None) -> bool:
        """Whether the highest rate tried still kept the target, so that the capacity is at least that."""
        return self.best(p99_target_ms) is self.rising[-1]


def read_capacity(path: Path) -> Capacity:
    """Read a file that `scoring loadtest capacity` wrote.

    Raises:
        BenchmarkError: it cannot be read or is not valid.
    """
    return from_json(Capacity, read_text(path), str(path))
