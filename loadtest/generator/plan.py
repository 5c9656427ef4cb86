"""What workers are to do, in a form that goes through files and messages. It holds no secret."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from loadtest.generator.arrivals import Arrivals, Step


class Request(BaseModel):
    """One request.

    Attributes:
        method: of HTTP.
        path: with its query.
        headers: beside those that every request has.
        body: may be empty.
        declared_bytes: Content-Length, where it is to be another than the body's; the connection ends with the answer.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    method: str = "POST"
    path: str
    headers: dict[str, str] = {}
    body: bytes = b""
    declared_bytes: int | None = None


class Scenario(BaseModel):
    """Requests of one kind.

    Attributes:
        name: as the user writes it.
        weight: its share of all requests, in the unit of the others'.
        requests: sent in turn.
        bad_requests: what the service must refuse; may be empty.
    """

    name: str
    weight: float
    requests: list[Request]
    bad_requests: list[Request] = []


class Plan(BaseModel):
    """A run.

    Attributes:
        url: of the service, without a path.
        scenarios: what is sent.
        steps: how much, and for how long.
        arrivals: how requests follow each other; of no meaning where clients wait for answers.
        clients: requests that are out at any time, in all workers; None where they have times of their own.
        requests: how many to send in all after the warm-up, by clients that wait; None for as many as there is time.
        bad_share: of all requests, 0 to 1.
        timeout_seconds: of each request, from when it is sent.
        max_in_flight: requests without an answer that a worker holds at most.
        interval_seconds: of the series.
        seed: of the chance.
    """

    url: str
    scenarios: list[Scenario]
    steps: list[Step]
    arrivals: Arrivals = Arrivals.CONSTANT
    clients: int | None = None
    requests: int | None = None
    bad_share: float = 0.0
    timeout_seconds: float = 60.0
    max_in_flight: int = 10_000
    interval_seconds: float = 1.0
    seed: int = 1

    @property
    def seconds(self) -> float:
        """Length of all steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def groups(self) -> list[str]:
        """What is counted apart: each scenario, and after them the bad requests of those that have some."""
        names = [scenario.name for scenario in self.scenarios]
        if not self.bad_share:
            return names
        return names + [f"{scenario.name}, bad" for scenario in self.scenarios if scenario.bad_requests]


def share_of(total: int, index: int, count: int) -> int:
    """Return how many of `total` the worker `index` of `count` takes, such that all shares add up."""
    return total // count + (index < total % count)
