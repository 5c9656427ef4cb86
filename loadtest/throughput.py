"""Requests per second and latency by concurrency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from loadtest import wrk
from loadtest.configs import Config
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.ray_processes import more_than_one, replica_counts
from loadtest.report import Report
from loadtest.service import Service, post, serving
from loadtest.spread import spread
from loadtest.wrk import WrkResult

CONCURRENCY = {"faq": (1, 16, 64), "image": (1, 16)}


@dataclass(frozen=True, slots=True)
class Point:
    """The rounds of one model at one concurrency.

    Attributes:
        model: its name.
        concurrency: requests out at any time.
        rounds: what wrk measured.
        replicas: of each deployment after the last round; shown where a deployment had more than one.
    """

    model: str
    concurrency: int
    rounds: list[WrkResult]
    replicas: dict[str, int]


def measure(
    config: Config, payloads: dict[str, list[Payload]], *, seconds: float, warm_up: float, rounds: int
) -> Report:
    """Load each model that the config serves.

    Args:
        config: the service's.
        payloads: by model.
        seconds: length of a round.
        warm_up: seconds of load before the first round at each concurrency; added replicas start in them.
        rounds: how many.

    Raises:
        BenchmarkError: the service or wrk failed, or there is no such model.
    """
    wrk.wrk_path()
    with serving(config) as service:
        points = [
            _point(service, model, payloads[model], concurrency, seconds=seconds, warm_up=warm_up, rounds=rounds)
            for model in payloads
            if service.serves(model)
            for concurrency in CONCURRENCY[model]
        ]
    if not points:
        raise BenchmarkError(f"The service has no model named {' or '.join(payloads)}.")
    return report(points)


def report(points: Sequence[Point]) -> Report:
    """Put measurements into a table."""
    columns = ["Model", "Concurrency", "Requests/s", "p50 ms", "p99 ms", "Errors", "Replicas"]
    count = len(points[0].rounds)
    return Report(
        "Throughput",
        columns,
        [_row(point) for point in points],
        [f"Median of {count} rounds of {points[0].rounds[0].seconds:.0f} s (lowest-highest)."],
        {"points": [asdict(point) for point in points]},
    )


def _point(
    service: Service,
    model: str,
    payloads: list[Payload],
    concurrency: int,
    *,
    seconds: float,
    warm_up: float,
    rounds: int,
) -> Point:
    url = checked(service, model, payloads)
    if warm_up:
        wrk.run(url, payloads, connections=concurrency, seconds=warm_up)
    results = [wrk.run(url, payloads, connections=concurrency, seconds=seconds) for _ in range(rounds)]
    return Point(model, concurrency, results, replica_counts(service.processes()))


def checked(service: Service, model: str, payloads: Sequence[Payload]) -> str:
    """Return where a model scores, sure that every payload is answered as it should be.

    Raises:
        BenchmarkError: one is not.
    """
    url = f"{service.url}/{model}/score"
    for payload in payloads:
        content, _ = post(url, payload.content, payload.content_type)
        if "result" not in content:
            raise BenchmarkError(f"{url} answers without a result.")
    return url


def _row(point: Point) -> list[str]:
    figures = ["none in time", "", ""]
    if any(result.requests for result in point.rounds):
        figures = [
            spread([result.requests_per_second for result in point.rounds]).text(0),
            spread([result.p50_ms for result in point.rounds]).text(),
            spread([result.p99_ms for result in point.rounds]).text(),
        ]
    errors = str(sum(result.errors for result in point.rounds))
    return [point.model, str(point.concurrency), *figures, errors, more_than_one(point.replicas)]
