"""What keys, quotas, logs and traces cost: the same service with and without, side by side."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest import wrk
from loadtest.configs import KINDS, Config, arguments, scaled
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.service import Service, scoring_serve, serving
from loadtest.spread import spread
from loadtest.wrk import WrkResult

CLIENTS = 16
WARM_UP_SECONDS = 4

# Limits that nobody reaches: what is measured is counting.
QUOTAS = {"default": {"requests_per_second": 100_000, "concurrent_requests": 10_000, "bytes_per_day": 10**12}}

NOTHING: dict[str, Any] = {"access": {"required": False}, "logging": {"access": False}}
ALL = "all"


@dataclass(frozen=True, slots=True)
class Cost:
    """The rounds of one variant beside those of the service without any of it.

    Attributes:
        name: what is switched on.
        without: what wrk measured of the service without, round by round.
        rounds: the same of the variant; each right after its neighbour.
    """

    name: str
    without: list[WrkResult]
    rounds: list[WrkResult]

    @property
    def ratios(self) -> list[float]:
        """Requests per second as a share of those without, in each round."""
        return [
            ours.requests_per_second / theirs.requests_per_second
            for ours, theirs in zip(self.rounds, self.without, strict=True)
        ]


def variants(directory: Path, collector: str) -> dict[str, dict[str, Any]]:
    """Return the settings of the ingress for each thing that costs, and for all together.

    Args:
        directory: holds the keys.
        collector: where traces go.
    """
    each: dict[str, dict[str, Any]] = {
        "keys": {"access": {"required": True, "directory": str(directory)}},
        "quotas": {"quotas": QUOTAS},
        "logs": {"logging": {"access": True}},
        "traces": {"tracing": {"endpoint": collector}},
    }
    return {**each, ALL: {name: value for settings in each.values() for name, value in settings.items()}}


def measure(config: Config, payloads: Sequence[Payload], *, seconds: float, rounds: int) -> Report:
    """Load the FAQ model with each thing switched on, alternating with a service that has none of it.

    Args:
        config: the services'; of their models the first FAQ matcher is kept, with one replica.
        payloads: questions.
        seconds: length of a round.
        rounds: how many.

    Raises:
        BenchmarkError: a service or wrk failed.
    """
    wrk.wrk_path()
    config, deployment = scaled(config, KINDS["faq"], min_replicas=1, max_replicas=1)
    model = deployment.rpartition("-")[0]
    with TemporaryDirectory(prefix="loadtest-") as name, collecting() as collector:
        headers = {"x-api-key": _new_key(Path(name))}
        with serving(_with(config, {})) as without:
            costs = []
            for variant, settings in variants(Path(name), collector).items():
                with serving(_with(config, settings)) as service:
                    pair = [(without, {}), (service, headers)]
                    costs.append(_compare(variant, pair, f"/{model}/score", payloads, seconds=seconds, rounds=rounds))
    return report(costs)


def _with(config: Config, settings: Mapping[str, Any]) -> Config:
    config = copy.deepcopy(config)
    arguments(config)["ingress"] = {**arguments(config).get("ingress", {}), **NOTHING, **settings}
    return config


def _compare(
    name: str,
    pair: Sequence[tuple[Service, Mapping[str, str]]],
    path: str,
    payloads: Sequence[Payload],
    *,
    seconds: float,
    rounds: int,
) -> Cost:
    def load(service: Service, headers: Mapping[str, str], length: float) -> WrkResult:
        result = wrk.run(service.url + path, payloads, connections=CLIENTS, seconds=length, headers=headers)
        if result.errors:
            raise BenchmarkError(f"{result.errors} of {result.requests} requests failed; nothing can be compared.")
        return result

    for service, headers in pair:
        load(service, headers, WARM_UP_SECONDS)
    results = [[load(service, headers, seconds) for service, headers in pair] for _ in range(rounds)]
    without, ours = zip(*results, strict=True)
    return Cost(name, list(without), list(ours))


def report(costs: Sequence[Cost]) -> Report:
    """Put the comparisons into a table."""
    rows = [
        [
            cost.name,
            spread([each.requests_per_second for each in cost.without]).text(0),
            spread([each.requests_per_second for each in cost.rounds]).text(0),
            spread([each.p99_ms for each in cost.rounds]).text(),
            spread(cost.ratios).text(3),
        ]
        for cost in costs
    ]
    count, length = len(costs[0].rounds), costs[0].rounds[0].seconds
    return Report(
        f"FAQ with {CLIENTS} clients: what each thing costs",
        ["On", "Requests/s without", "Requests/s", "p99 ms", "Share of without"],
        rows,
        [
            f"Median of {count} rounds of {length:.0f} s (lowest-highest), in turns with the service that has none.",
            "Wanted: a share of at least 0.85 with all of it.",
        ],
        {"costs": [asdict(cost) for cost in costs]},
    )


def _new_key(directory: Path) -> str:
    scoring = scoring_serve()[0]
    command = [scoring, "keys", "create", "bench", "--role", "scoring.invoke", "--json", "--directory", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"No key can be made: {done.stderr.strip()}")
    return str(json.loads(done.stdout)["primaryKey"])


@contextmanager
def collecting() -> Iterator[str]:
    """Run a collector that takes every span and keeps none, in a process of its own; yield its address."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_collect, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1/traces"
    finally:
        process.terminate()
        process.join()


def _collect(connection: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    connection.send(server.server_port)
    server.serve_forever()


class _Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take spans."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as its base has it
        """Say nothing."""
