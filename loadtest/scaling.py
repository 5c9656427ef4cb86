"""From load to another replica, and from its end to one less."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import psutil

from loadtest import wrk
from loadtest.configs import KINDS, Config, first_version, scaled
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.serve_logs import ServeLogs, wait_for
from loadtest.service import serving
from loadtest.spread import spread
from loadtest.throughput import checked
from loadtest.wrk import TimedRun

# Requests that one replica should have at once; the load is several times that.
CONCURRENT_REQUESTS = 8
MARGIN_SECONDS = 30

# Replicas write down calls in blocks of a thousand, and a removed one does not write its last block.
LOG_EACH_CALL = {"RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1"}


@dataclass(frozen=True, slots=True)
class Round:
    """One load, in seconds.

    Attributes:
        decided: from the first request to the decision to add a replica.
        running: from the first request until the replica has loaded its model and runs.
        answered: from the first request until the replica answered one; None where replicas do not log calls.
        removal: from the end of the load to the decision to remove it.
        gone: from the end of the load until its process had ended.
        errors: requests that failed during the load.
    """

    decided: float
    running: float
    answered: float | None
    removal: float
    gone: float
    errors: int


def measure(
    config: Config,
    model: str,
    payloads: list[Payload],
    *,
    connections: int,
    seconds: float,
    rounds: int,
    removal_seconds: float,
) -> Report:
    """Saturate one replica that may become two.

    Args:
        config: the service's.
        model: `faq` or `image`.
        payloads: what to send.
        connections: requests that are out at any time.
        seconds: length of the load.
        rounds: how many loads.
        removal_seconds: how long idleness must last before a replica is removed.

    Raises:
        BenchmarkError: the service or wrk failed, or no replica came or went.
    """
    wrk.wrk_path()
    config, deployment = scaled(
        config,
        KINDS[model],
        min_replicas=1,
        max_replicas=2,
        max_concurrent_requests=CONCURRENT_REQUESTS,
        scale_down_delay_seconds=removal_seconds,
    )
    name, _ = first_version(config, KINDS[model])
    with serving(config, environment=LOG_EACH_CALL) as service:
        logs = ServeLogs.of(service.processes())
        url = checked(service, name, payloads)

        def load() -> TimedRun:
            return wrk.run_timed(url, payloads, connections=connections, seconds=seconds)

        measured = [_round(logs, deployment, load, removal_seconds) for _ in range(rounds)]
    return report(model, connections, measured, removal_seconds)


def report(model: str, connections: int, rounds: list[Round], removal_seconds: float) -> Report:
    """Put rounds into a table."""
    answered = [each.answered for each in rounds if each.answered is not None]
    rows = [
        ["From load to the decision to add", spread([each.decided for each in rounds]).text(2)],
        ["From load to the replica running", spread([each.running for each in rounds]).text(2)],
        ["From load to its first answer", spread(answered).text(2) if answered else "not logged"],
        ["From the end to the decision to remove", spread([each.removal for each in rounds]).text(2)],
        ["From the end to its process gone", spread([each.gone for each in rounds]).text(2)],
        ["Requests that failed", str(sum(each.errors for each in rounds))],
    ]
    return Report(
        f"Scaling of {model} from one replica to two and back",
        ["Step", "Seconds"],
        rows,
        [
            (
                f"{connections} clients on a replica for {CONCURRENT_REQUESTS} concurrent requests, set to be removed "
                f"after {removal_seconds:g} s; median of {len(rounds)} rounds (lowest-highest); "
                "times from Ray Serve's logs, into which replicas write each call here."
            )
        ],
        {"rounds": [asdict(each) for each in rounds]},
    )


def _round(logs: ServeLogs, deployment: str, load: Callable[[], TimedRun], removal_seconds: float) -> Round:
    started, result, ended = load()
    decided = logs.wait_for("decided to add", deployment, since=started, seconds=0)
    running = logs.wait_for("running", deployment, since=started, seconds=MARGIN_SECONDS)
    if decided is None or running is None:
        raise BenchmarkError("No replica was added; the load may be too small: try more --connections or --seconds.")
    removal = logs.wait_for("decided to remove", deployment, since=ended, seconds=removal_seconds + MARGIN_SECONDS)
    stopping = logs.wait_for("stopping", deployment, since=ended, seconds=MARGIN_SECONDS)
    if removal is None or stopping is None:
        raise BenchmarkError("No replica was removed.")
    pids = {event.replica: event.pid for event in logs.events(deployment, since=0) if event.kind == "running"}
    gone = wait_for(lambda: None if psutil.pid_exists(pids[stopping.replica]) else time.time(), MARGIN_SECONDS)
    answered = logs.first_answer(running.replica)
    return Round(
        decided=decided.time - started,
        running=running.time - started,
        answered=None if answered is None else answered - started,
        removal=removal.time - ended,
        gone=(gone or time.time()) - ended,
        errors=result.errors,
    )
