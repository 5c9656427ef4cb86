"""What each hop between a client and a model costs: latency of one client, processor time at saturation."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from loadtest import loads, wrk
from loadtest.configs import Config, arguments
from loadtest.loads import Load
from loadtest.options import Stage
from loadtest.payloads import Payload
from loadtest.ports import free_port
from loadtest.report import Report
from loadtest.scale.cluster import cluster
from loadtest.scale.replicas import cpu_cells
from loadtest.scale.stages import AT_ONCE, WAITING, application, fixed, product_config, waiting_config
from loadtest.service import Service, post, running, serving
from loadtest.spread import Spread, spread
from loadtest.throughput import checked

CLIENTS = 64

PLAIN = "uvicorn, one process"
DIRECT = "Ray Serve, one deployment, asked itself"
PROXY = "+ HAProxy before it"
CALL = "+ a model behind it, a call for each request"
PATH = "this product, a model that does nothing"
FAQ = "this product, FAQ with a replica of its own"
HOSTED = "this product, FAQ in the ingress, as by default"

# As Azure Machine Learning's documentation has it of its router; on which machines, it does not say.
PUBLISHED = "Azure Machine Learning's, published"
ROUTER_RATE, ROUTER_MEAN_MS, ROUTER_P99_MS = 5000.0, 3.0, 15.0

BARE = "loadtest.scale.bare_apps"


@dataclass(frozen=True, slots=True)
class Path:
    """One way to an answer, and what was measured on it.

    Attributes:
        name: what is on the way.
        service: whose processes count.
        url: where it is asked.
        ingress: the deployments that answer over HTTP.
        alone: runs with one client.
        many: runs at saturation.
    """

    name: str
    service: Service
    url: str
    ingress: tuple[str, ...] = ("ingress",)
    alone: list[Load] = field(default_factory=list)
    many: list[Load] = field(default_factory=list)

    def measure(self, payloads: Sequence[Payload], seconds: float) -> None:
        """Add a round."""
        for clients, found in ((1, self.alone), (CLIENTS, self.many)):
            found.append(loads.load(self.service.processes, [self.url], payloads, connections=clients, seconds=seconds))

    def latency(self, figure: str) -> list[float]:
        """Return one client's `p50_ms`, `p99_ms` or `mean_ms`, round by round."""
        if figure == "mean_ms":
            return [mean_ms(each) for each in self.alone]
        return [getattr(each.result, figure) for each in self.alone]


def mean_ms(load: Load) -> float:
    """Return the mean latency of one client that asks again as soon as it has its answer."""
    return 1e3 * load.result.seconds / load.result.requests if load.result.requests else 0.0


def measure(
    config: Config, payloads: Sequence[Payload], *, environment: Mapping[str, str], seconds: float, rounds: int
) -> list[Report]:
    """Measure every path, all of them in each round.

    Args:
        config: the product's; of its models the first FAQ matcher is kept.
        payloads: questions.
        environment: of `product_environment`.
        seconds: length of each measurement.
        rounds: how many.

    Returns:
        A table of the hops, and one beside the published router.

    Raises:
        BenchmarkError: a service or wrk failed.
    """
    with ExitStack() as stack:
        paths = [
            stack.enter_context(_plain()),
            *stack.enter_context(_ray(environment, payloads)),
            stack.enter_context(_faq(config, payloads)),
            stack.enter_context(_faq(config, payloads, hosted=True)),
        ]
        _rounds(paths, payloads, seconds=seconds, rounds=rounds)
    return [report(paths), router_report(*_router(paths))]


def measure_router(
    payloads: Sequence[Payload], *, environment: Mapping[str, str], seconds: float, rounds: int
) -> list[Path]:
    """Measure the web server alone and the product's path without a model.

    Raises:
        BenchmarkError: a service or wrk failed.
    """
    with _plain() as plain, _ray(environment, payloads) as ray:
        paths = [plain, *(path for path in ray if path.name == PATH)]
        _rounds(paths, payloads, seconds=seconds, rounds=rounds)
    return paths


def _rounds(paths: Sequence[Path], payloads: Sequence[Payload], *, seconds: float, rounds: int) -> None:
    wrk.wrk_path()
    for path in paths:
        wrk.run(path.url, payloads, connections=CLIENTS, seconds=3)
    for _ in range(rounds):
        for path in paths:
            path.measure(payloads, seconds)


def _router(paths: Sequence[Path]) -> tuple[Path, Path]:
    by_name = {path.name: path for path in paths}
    return by_name[PLAIN], by_name[PATH]


@contextmanager
def _plain() -> Iterator[Path]:
    with running([sys.executable, "-m", "loadtest.scale.bare_http", str(free_port())]) as service:
        yield Path(PLAIN, service, f"{service.url}/score")


@contextmanager
def _ray(environment: Mapping[str, str], payloads: Sequence[Payload]) -> Iterator[list[Path]]:
    config = waiting_config(0, fixed(1, max_concurrent_requests=AT_ONCE[Stage.FAQ]))
    config["applications"] += [application(name, f"{BARE}:{name}", f"/{name}", {}) for name in ("one", "two")]
    with cluster(config, environment=environment) as running:
        service, door = running.service, running.service.url
        own = ("one", "two")
        paths = [
            Path(PROXY, service, f"{door}/one/score", own),
            Path(CALL, service, f"{door}/two/score", own),
            Path(PATH, service, checked(service, WAITING, payloads)),
        ]
        if targets := running.targets.get("one"):
            url = f"http://{urlsplit(door).hostname}:{targets[0]}/one/score"
            post(url, payloads[0].content, payloads[0].content_type)
            paths.insert(0, Path(DIRECT, service, url, own))
        yield paths


@contextmanager
def _faq(config: Config, payloads: Sequence[Payload], *, hosted: bool = False) -> Iterator[Path]:
    config, deployment = product_config(config, Stage.FAQ, fixed(1))
    if hosted:
        del arguments(config)["models"][0]["versions"][0]["scaling"]
    with serving(config) as service:
        yield Path(HOSTED if hosted else FAQ, service, checked(service, deployment.rpartition("-")[0], payloads))


def report(paths: Sequence[Path]) -> Report:
    """Put paths into a table, each with what it adds to the one before."""
    rows = [_row(path, before) for path, before in zip(paths, [None, *paths], strict=False)]
    columns = [
        "Path", "p50 ms", "p99 ms", "added p50", "added p99", f"Requests/s at {CLIENTS}", "p50 ms", "p99 ms",
        "CPU ms a request", "of it HAProxy", "ingress", "models", "others", "added CPU ms", "Errors",
    ]  # fmt: skip
    count, length = len(paths[0].alone), paths[0].alone[0].result.seconds
    return Report(
        "What each hop costs",
        columns,
        rows,
        [
            (
                f"Median of {count} rounds of {length:.0f} s (lowest-highest), all paths in each; the first latencies "
                f"are those of one client, the others and processor time those of {CLIENTS}, on the same cores as wrk."
            ),
            (
                "Added: to the path above, in the same round. Calls of several requests, as this product makes them "
                f"when many ask, make its path cheaper at {CLIENTS} clients than one call for each."
            ),
        ],
        {"paths": [_data(path) for path in paths]},
    )


def router_report(plain: Path, path: Path) -> Report:
    """Put the product's path without a model beside the published router."""
    return Report(
        "Routing: this product's path without a model beside a published router",
        ["Router", "Requests/s", "Mean overhead ms", "p99 overhead ms", "Machine"],
        router_rows(plain, path),
        [
            (
                "Overhead: latency of one client above that of the web server alone; the published one is at an "
                f"unnamed load. Requests/s: with {CLIENTS} clients, which need processors, too. No machine is known "
                "for the published figures, so nothing follows from who is higher."
            )
        ],
        {"published": {"requests_per_second": ROUTER_RATE, "mean_ms": ROUTER_MEAN_MS, "p99_ms": ROUTER_P99_MS}},
    )


def router_rows(plain: Path, path: Path) -> list[list[str]]:
    """Return a row of the published router, and one of the product's path."""
    rates = spread([each.result.requests_per_second for each in path.many])
    return [
        [PUBLISHED, f"{ROUTER_RATE:,.0f}", f"{ROUTER_MEAN_MS:g}", f"{ROUTER_P99_MS:g}", "not named"],
        [PATH, rates.text(0), added(path, plain, "mean_ms").text(2), added(path, plain, "p99_ms").text(2), "this one"],
    ]


def added(path: Path, before: Path, figure: str) -> Spread:
    """Return what one client waits more on a path than on another, round by round."""
    pairs = zip(path.latency(figure), before.latency(figure), strict=True)
    return spread([ours - theirs for ours, theirs in pairs])


def added_cpu(path: Path, before: Path) -> Spread:
    """Return milliseconds of a core that a response takes more on a path than on another, round by round."""
    pairs = zip(path.many, before.many, strict=True)
    return spread([_cpu_ms(ours) - _cpu_ms(theirs) for ours, theirs in pairs])


def _cpu_ms(load: Load) -> float:
    return sum(map(load.cpu_ms, load.service_seconds))


def _row(path: Path, before: Path | None) -> list[str]:
    results = [each.result for each in path.many]
    more = ["", "", ""]
    if before is not None:
        more = [
            added(path, before, "p50_ms").text(2),
            added(path, before, "p99_ms").text(2),
            added_cpu(path, before).text(2),
        ]
    errors = sum(each.result.errors for each in [*path.alone, *path.many])
    return [
        path.name,
        spread(path.latency("p50_ms")).text(2),
        spread(path.latency("p99_ms")).text(2),
        *more[:2],
        spread([each.requests_per_second for each in results]).text(0),
        spread([each.p50_ms for each in results]).text(),
        spread([each.p99_ms for each in results]).text(),
        *cpu_cells(path.many, path.ingress),
        more[2],
        str(errors),
    ]


def _data(path: Path) -> dict[str, Any]:
    return {
        "name": path.name,
        "alone": [asdict(each) for each in path.alone],
        "many": [asdict(each) for each in path.many],
        "mean_ms": median(path.latency("mean_ms")),
    }
