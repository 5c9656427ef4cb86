"""A replica is killed under load: what fails, and how long until there is another."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass

from loadtest.clients import Clients, Exchange
from loadtest.configs import KINDS, Config, first_version, scaled
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.ray_processes import replicas
from loadtest.report import Report
from loadtest.serve_logs import ServeLogs
from loadtest.service import Service, serving
from loadtest.spread import spread
from loadtest.throughput import checked

REPLICAS = 2
CONCURRENT_REQUESTS = 64
RECOVERY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Round:
    """One kill.

    Attributes:
        outcomes: requests by what became of them.
        slowest: the longest that a request took which was out at the kill or was sent after it, in seconds.
        before: the longest that a request took before the kill, in seconds.
        noticed: from the kill until Ray Serve started another, in seconds.
        replaced: from the kill until as many replicas ran as before, in seconds.
    """

    outcomes: dict[str, int]
    slowest: float
    before: float
    noticed: float
    replaced: float

    @property
    def failed(self) -> int:
        """Requests that were not answered as they should be."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "answered")


def measure(config: Config, payloads: list[Payload], *, clients: int, seconds: float, rounds: int) -> Report:
    """Kill one of two FAQ replicas with SIGKILL while clients ask.

    Args:
        config: the service's.
        payloads: questions.
        clients: requests that are out at any time.
        seconds: of load before the kill, and again when the replica has been replaced.
        rounds: how many kills.

    Raises:
        BenchmarkError: the service failed, or the replica was not replaced.
    """
    config, deployment = scaled(
        config,
        KINDS["faq"],
        min_replicas=REPLICAS,
        max_replicas=REPLICAS,
        max_concurrent_requests=CONCURRENT_REQUESTS,
    )
    name, _ = first_version(config, KINDS["faq"])
    with serving(config) as service:
        url = checked(service, name, payloads)
        measured = [_round(service, Clients(url, payloads, clients), deployment, seconds) for _ in range(rounds)]
    return report(measured, clients)


def report(rounds: list[Round], clients: int) -> Report:
    """Put rounds into a table."""
    requests = sum(sum(each.outcomes.values()) for each in rounds)
    rows = [
        ["Requests", f"{requests:,}"],
        ["Requests that failed", str(sum(each.failed for each in rounds))],
        ["Until another was started, s", spread([each.noticed for each in rounds]).text(2)],
        ["Until two replicas ran again, s", spread([each.replaced for each in rounds]).text(2)],
        ["Slowest request before the kill, ms", spread([each.before * 1e3 for each in rounds]).text(0)],
        ["Slowest request from the kill on, ms", spread([each.slowest * 1e3 for each in rounds]).text(0)],
    ]
    return Report(
        f"One of two FAQ replicas killed under the load of {clients} clients",
        ["", "Figure"],
        rows,
        [f"{len(rounds)} kills; medians (lowest-highest)."],
        {"rounds": [asdict(each) for each in rounds]},
    )


def _round(service: Service, load: Clients, deployment: str, seconds: float) -> Round:
    logs = ServeLogs.of(service.processes())
    load.start()
    try:
        time.sleep(seconds)
        victims = replicas(service.processes(), deployment)
        if len(victims) != REPLICAS:
            raise BenchmarkError(f"{len(victims)} replicas of {deployment} run where {REPLICAS} should.")
        killed = time.time()
        victims[0].kill()
        replaced = logs.wait_for("running", deployment, since=killed, seconds=RECOVERY_SECONDS)
        time.sleep(seconds)
    finally:
        exchanges = load.stop()
    noticed = logs.wait_for("starting", deployment, since=killed, seconds=0)
    if noticed is None or replaced is None:
        raise BenchmarkError(f"The replica was not replaced within {RECOVERY_SECONDS} s.")
    return _summary(exchanges, killed, noticed.time, replaced.time)


def _summary(exchanges: list[Exchange], killed: float, noticed: float, replaced: float) -> Round:
    before = [each.ended - each.sent for each in exchanges if each.ended < killed]
    after = [each.ended - each.sent for each in exchanges if each.ended >= killed]
    if not before or not after:
        raise BenchmarkError("The service answered nothing before the kill or nothing after it.")
    outcomes: dict[str, int] = dict(Counter(each.outcome for each in exchanges))
    return Round(outcomes, max(after), max(before), noticed - killed, replaced - killed)
