"""SIGTERM while requests run: what becomes of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from loadtest.clients import Clients, Exchange
from loadtest.configs import KINDS, Config, first_version
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.service import serving
from loadtest.spread import spread
from loadtest.throughput import checked


@dataclass(frozen=True, slots=True)
class Round:
    """One stop under load.

    Attributes:
        running: requests that were out at SIGTERM.
        accepted_failed: those of them that got no successful response.
        failed_before: requests before SIGTERM that got none.
        later: requests that were sent after SIGTERM, by what became of them.
        stopped: from SIGTERM until the service's process had ended, in seconds.
    """

    running: int
    accepted_failed: int
    failed_before: int
    later: dict[str, int]
    stopped: float


def measure(
    config: Config, model: str, payloads: list[Payload], *, clients: int, seconds: float, rounds: int
) -> Report:
    """Stop a loaded service; the clients go on until it has ended.

    Args:
        config: the service's.
        model: `faq` or `image`.
        payloads: what to send.
        clients: requests that are out at any time.
        seconds: of load before SIGTERM.
        rounds: how many starts and stops.

    Raises:
        BenchmarkError: the service failed.
    """
    name, _ = first_version(config, KINDS[model])
    measured = []
    for _ in range(rounds):
        with serving(config) as service:
            url = checked(service, name, payloads)
            load = Clients(url, payloads, clients)
            load.start()
            try:
                time.sleep(seconds)
                told = time.time()
                service.terminate()
                service.wait_until_stopped()
                stopped = time.time()
            finally:
                exchanges = load.stop()
            measured.append(summary(exchanges, told, stopped))
    return report(model, clients, measured)


def summary(exchanges: Sequence[Exchange], told: float, stopped: float) -> Round:
    """Sort exchanges by when they were sent.

    Args:
        exchanges: all of them.
        told: when SIGTERM was sent, in seconds since the epoch.
        stopped: when the process had ended.
    """
    before = [each for each in exchanges if each.ended < told]
    running = [each for each in exchanges if each.sent < told <= each.ended]
    later = [each for each in exchanges if each.sent >= told]
    return Round(
        running=len(running),
        accepted_failed=sum(each.outcome != "answered" for each in running),
        failed_before=sum(each.outcome != "answered" for each in before),
        later=dict(Counter(each.outcome for each in later)),
        stopped=stopped - told,
    )


def report(model: str, clients: int, rounds: list[Round]) -> Report:
    """Put rounds into a table."""

    def later(outcome: str) -> str:
        return str(sum(each.later.get(outcome, 0) for each in rounds))

    rows = [
        ["Requests out at SIGTERM", str(sum(each.running for each in rounds))],
        ["of these failed", str(sum(each.accepted_failed for each in rounds))],
        ["Sent later: answered", later("answered")],
        ["Sent later: connection refused", later("refused")],
        ["Sent later: connection closed without a response", later("closed")],
        ["Sent later: answered with an error", later("failed")],
        ["From SIGTERM to the end of the process, s", spread([each.stopped for each in rounds]).text(2)],
    ]
    return Report(
        f"SIGTERM under the load of {clients} clients of {model}",
        ["", "Figure"],
        rows,
        [f"{len(rounds)} stops; the clients keep their connections and go on until the process has ended."],
        {"rounds": [asdict(each) for each in rounds]},
    )
