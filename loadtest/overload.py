"""Far more requests than a service can answer: who is answered, who is refused, and what is left of it after."""

from __future__ import annotations

import copy
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median

from loadtest.configs import KINDS, Config, arguments, first_version
from loadtest.errors import BenchmarkError
from loadtest.memory_over_time import MemoryOverTime, watched_memory
from loadtest.open_loop import Generator, Timed
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.service import Service, serving
from loadtest.throughput import checked

# As many as the first stage of each model works on at once.
CLIENTS = {"faq": 64, "image": 32}
REFUSED = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)

AFTER_SECONDS = 15.0
AFTER_RATE = 10.0
HEALTH_SECONDS = 0.25
MEMORY_SECONDS = 0.5

_ONE = {"min_replicas": 1, "max_replicas": 1}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Overload:
    """What was measured; times are in seconds since the epoch.

    Attributes:
        at_capacity: requests while as many clients asked as the service works on.
        in_overload: requests of the overload.
        after: requests after it, few enough that a sound service refuses none.
        health: health checks during the overload.
        memory: of all processes of the service.
    """

    at_capacity: list[Timed]
    in_overload: list[Timed]
    after: list[Timed]
    health: list[Timed]
    memory: MemoryOverTime


def measure(
    config: Config, model: str, payloads: list[Payload], *, factor: float, seconds: float, plot: Path | None
) -> Report:
    """Find a service's capacity, send a multiple of that, and look how it does after.

    Args:
        config: the service's; every stage gets one replica.
        model: `faq` or `image`.
        payloads: what to send.
        factor: how much of the capacity to send.
        seconds: length of the overload.
        plot: file for a picture of it; None for none.

    Raises:
        BenchmarkError: the service failed, or the picture cannot be made.
    """
    config, name = one_replica_each(config, KINDS[model])
    generator = Generator()
    try:
        with serving(config) as service:
            url = checked(service, name, payloads)
            found = _run(service, generator, url, payloads, clients=CLIENTS[model], factor=factor, seconds=seconds)
    finally:
        generator.stop()
    if plot is not None:
        from loadtest.overload_plot import draw  # noqa: PLC0415 - only who wants a picture needs matplotlib

        draw(found, plot)
    return report(model, found, factor)


def one_replica_each(config: Config, kind: str) -> tuple[Config, str]:
    """Keep one model with one replica for each of its stages, and the settings of its queues; return its name, too."""
    config = copy.deepcopy(config)
    name, version = first_version(config, kind)
    settings = arguments(config)
    settings["models"] = [model for model in settings["models"] if model.get("name", name) == name]
    defaults = {"faq_matcher": {"scaling": 64}, "image_classifier": {"scaling": 8, "preprocess_scaling": 32}}[kind]
    for key, concurrent in defaults.items():
        version[key] = {"max_concurrent_requests": concurrent, **version.get(key, {}), **_ONE}
    ingress = settings.setdefault("ingress", {})
    ingress["scaling"] = {"max_concurrent_requests": 64, **ingress.get("scaling", {}), **_ONE}
    return config, name


def _run(
    service: Service,
    generator: Generator,
    url: str,
    payloads: list[Payload],
    *,
    clients: int,
    factor: float,
    seconds: float,
) -> Overload:
    length = max(5.0, seconds / 4)
    generator.closed(url, payloads, clients=clients, seconds=length / 2).result()
    with watched_memory(service.processes, every=MEMORY_SECONDS) as memory:
        at_capacity = generator.closed(url, payloads, clients=clients, seconds=length).result()
        rate = _per_second(answered(at_capacity), at_capacity)
        if not rate:
            raise BenchmarkError("The service answered no request.")
        with health_checks(service.url) as health:
            overload = generator.paced(
                url, payloads, rate=factor * rate, clients=round(factor * clients), seconds=seconds
            )
            time.sleep(seconds)
        # What is still out of the overload is part of what the service has to get over.
        after = Generator()
        try:
            later = after.paced(
                url, payloads, rate=min(AFTER_RATE, rate / 2), clients=clients, seconds=AFTER_SECONDS
            ).result()
        finally:
            after.stop()
        in_overload = overload.result()
    return Overload(at_capacity, in_overload, later, health, memory)


@contextmanager
def health_checks(url: str) -> Iterator[list[Timed]]:
    """Ask a service again and again, while the block runs, whether it lives and is ready."""
    checks: list[Timed] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(HEALTH_SECONDS):
            for path in ("/v2/health/live", "/v2/health/ready"):
                sent = time.time()
                checks.append(Timed(sent, *_status(url + path)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield checks
    finally:
        stop.set()
        thread.join()


def _status(url: str) -> tuple[float, int]:
    try:
        with _OPENER.open(url, timeout=30) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = 0
    return time.time(), status


def answered(requests: Sequence[Timed]) -> list[Timed]:
    """Return the requests that were answered as they should be."""
    return [each for each in requests if each.status == HTTPStatus.OK]


def refused(requests: Sequence[Timed]) -> list[Timed]:
    """Return the requests that were refused for now."""
    return [each for each in requests if each.status in REFUSED]


def percentile(requests: Sequence[Timed], share: float) -> float:
    """Return the time that a share of the requests did not exceed, in milliseconds; 0 if there are none."""
    times = sorted(each.seconds for each in requests)
    return times[min(int(share * len(times)), len(times) - 1)] * 1e3 if times else 0.0


def recovery_seconds(after: Sequence[Timed], limit_ms: float) -> float | None:
    """Return how long after an overload the last request was sent that was refused, failed or took too long.

    Args:
        after: requests since its end.
        limit_ms: what a request may take.

    Returns:
        Seconds, 0 if there was none; None if even the last one was.
    """
    ordered = sorted(after)
    poor = [each for each in ordered if each.status != HTTPStatus.OK or each.seconds * 1e3 > limit_ms]
    if not poor:
        return 0.0
    return None if poor[-1] is ordered[-1] else poor[-1].ended - ordered[0].due


def report(model: str, found: Overload, factor: float) -> Report:
    """Put what was measured into a table."""
    overload, capacity = found.in_overload, found.at_capacity
    good, turned_away = answered(overload), refused(overload)
    others = len(overload) - len(good) - len(turned_away)
    p99, p99_at_capacity = percentile(good, 0.99), percentile(answered(capacity), 0.99)
    begin, end = min(overload).due, max(each.due for each in overload)
    recovery = recovery_seconds(found.after, p99_at_capacity)
    wrong = sum(each.status != HTTPStatus.OK for each in found.health)
    rows = [
        ["Answered a second, at capacity", f"{_per_second(answered(capacity), capacity):,.0f}"],
        ["Sent a second, in overload", f"{len(overload) / (end - begin or 1):,.0f}"],
        ["Answered a second, in overload", f"{_per_second(good, overload):,.0f}"],
        ["Answers: median / p99 at capacity, ms", f"{_middle(answered(capacity))} / {p99_at_capacity:,.0f}"],
        ["Answers: median / p99 in overload, ms", f"{_middle(good)} / {p99:,.0f}"],
        ["p99 in overload / at capacity", f"{p99 / p99_at_capacity:.2f}"],
        ["Refusals: median / p99, ms", f"{_middle(turned_away)} / {percentile(turned_away, 0.99):,.0f}"],
        ["Requests refused", f"{len(turned_away):,} of {len(overload):,}"],
        ["Requests that failed otherwise", f"{others:,}"],
        ["Health checks: p99, ms", f"{percentile(found.health, 0.99):,.0f}"],
        ["Health checks that failed", f"{wrong} of {len(found.health)}"],
        ["Memory before, MiB", f"{_mean(found.memory.between(0, begin)):,.0f}"],
        ["Memory in the first / last quarter of the overload, MiB", _quarters(found.memory, begin, end)],
        ["Until answers took no longer than at capacity, s", "never" if recovery is None else f"{recovery:.1f}"],
    ]
    return Report(
        f"Overload of {model} at {factor:g} times its capacity for {end - begin:.0f} s",
        ["", "Figure"],
        rows,
        [
            (
                f"At capacity {CLIENTS[model]} clients each wait for their answer; in overload requests come at their "
                f"rate, unless {factor * CLIENTS[model]:.0f} clients wait already. Resident memory of all processes."
            )
        ],
        {key: value for key, value in asdict(found).items() if key != "memory"}
        | {"memory": {"at": found.memory.at, "mib": found.memory.total}},
    )


def _per_second(some: Sequence[Timed], every: Sequence[Timed]) -> float:
    """Return how many of some requests there were for each second that it took to answer every one."""
    return len(some) / (max(each.ended for each in every) - min(each.due for each in every) or 1.0)


def _middle(requests: Sequence[Timed]) -> str:
    return f"{median(each.seconds for each in requests) * 1e3:,.0f}" if requests else "-"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _quarters(memory: MemoryOverTime, begin: float, end: float) -> str:
    quarter = (end - begin) / 4
    first, last = memory.between(begin, begin + quarter), memory.between(end - quarter, end)
    return f"{_mean(first):,.0f} / {_mean(last):,.0f}"
