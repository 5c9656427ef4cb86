"""The references' own tests, on this product and this machine, beside the figures that they published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus

from loadtest.configs import KINDS, Config, first_version
from loadtest.machine import machine_line
from loadtest.open_loop import Generator, Timed
from loadtest.options import Stage
from loadtest.overload_figures import answered, per_second, percentile
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.scale import hops
from loadtest.service import get, serving
from loadtest.spread import spread
from loadtest.throughput import checked

# Their load, closed: each of the clients asks again when it has its answer.
REQUESTS, CLIENTS = 100, 4

THIS = "this one, below"


@dataclass(frozen=True, slots=True)
class Published:
    """What a reference says.

    Attributes:
        requests_per_second: its figure.
        machine: that it was measured on, as far as it says.
    """

    requests_per_second: str
    machine: str


# Of Microsoft's reference architecture for real-time scoring of Python models on Kubernetes.
PUBLISHED = {
    Stage.FAQ: Published("11.6 to 14.1", "35 pods on CPUs"),
    Stage.IMAGE: Published("18.2", "1 NVIDIA K80"),
}


@dataclass(frozen=True, slots=True)
class Rerun:
    """One reference's test, re-run.

    Attributes:
        stage: its model.
        named: what answered here.
        rounds: of `REQUESTS` requests each.
    """

    stage: Stage
    named: str
    rounds: list[list[Timed]] = field(default_factory=list)


def measure(
    config: Config,
    payloads: Mapping[Stage, list[Payload]],
    *,
    environment: Mapping[str, str] | None,
    seconds: float,
    rounds: int,
) -> list[Report]:
    """Send what the references sent.

    Args:
        config: the service's.
        payloads: by model.
        environment: of `product_environment`, for the router; None leaves it out.
        seconds: length of each of the router's measurements.
        rounds: how many.

    Raises:
        BenchmarkError: a service failed.
    """
    with serving(config) as service:
        generator = Generator()
        try:
            reruns, urls = [], {}
            for stage, bodies in payloads.items():
                model, _ = first_version(config, KINDS[stage.value])
                urls[stage] = checked(service, model, bodies)
                reruns.append(Rerun(stage, _named(get(f"{service.url}/v2/models/{model}")["parameters"])))
                generator.counted(urls[stage], bodies, clients=CLIENTS, count=REQUESTS).result()
            for _ in range(rounds):
                for rerun in reruns:
                    bodies = payloads[rerun.stage]
                    sent = generator.counted(urls[rerun.stage], bodies, clients=CLIENTS, count=REQUESTS).result()
                    rerun.rounds.append(sent)
        finally:
            generator.stop()
    found = [report(reruns)]
    if environment is not None:
        questions = payloads[Stage.FAQ]
        plain, path = hops.measure_router(questions, environment=environment, seconds=seconds, rounds=rounds)
        found.append(hops.router_report(plain, path))
    return found


def report(reruns: Sequence[Rerun]) -> Report:
    """Put tests into a table, each reference above what was measured here."""
    rows = [row for rerun in reruns for row in (_published(rerun), _measured(rerun))]
    count = len(reruns[0].rounds)
    return Report(
        f"The references' tests: {REQUESTS} requests, {CLIENTS} at a time",
        ["Test", "Requests/s", "p50 ms", "p99 ms", "Failed", "Answered by", "Machine"],
        rows,
        [
            f"Median of {count} rounds (lowest-highest), after one that is not counted. Here: {machine_line()}.",
            (
                "The machines are not alike: other processors, another number of them, years apart. So the figures "
                "tell what each gave on its own machine, and not which is the faster software."
            ),
        ],
        {"reruns": [asdict(each) for each in reruns]},
    )


def _published(rerun: Rerun) -> list[str]:
    published = PUBLISHED[rerun.stage]
    name = f"{rerun.stage.value}, published"
    return [name, published.requests_per_second, "", "", "", "the reference's model", published.machine]


def _measured(rerun: Rerun) -> list[str]:
    rates = [per_second(answered(each), each) for each in rerun.rounds]
    failed = sum(request.status != HTTPStatus.OK for each in rerun.rounds for request in each)
    return [
        f"{rerun.stage.value}, here",
        spread(rates).text(),
        spread([percentile(answered(each), 0.5) for each in rerun.rounds]).text(),
        spread([percentile(answered(each), 0.99) for each in rerun.rounds]).text(),
        f"{failed} of {sum(map(len, rerun.rounds))}",
        rerun.named,
        THIS,
    ]


def _named(parameters: Mapping[str, object]) -> str:
    names = ("architecture", "engine", "precision", "originals")
    found = [f"{parameters[name]}" + " originals" * (name == "originals") for name in names if name in parameters]
    return " ".join(found) or "this product"
