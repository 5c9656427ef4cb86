"""The image classifier over HTTP beside its bare engine: one client's latency, images per second of several."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

from loadtest import wrk
from loadtest.bare_engine import BareEngine, bare_engine
from loadtest.configs import KINDS, Config, first_version
from loadtest.errors import BenchmarkError
from loadtest.image_service_figures import CLIENTS, Round, reports
from loadtest.loads import Load, load
from loadtest.payloads import Payload
from loadtest.ray_processes import replica_counts
from loadtest.report import Report
from loadtest.service import Service, get, post, serving
from loadtest.throughput import checked

# Replicas that load adds are there after it.
WARM_UP_SECONDS = 8
TIMING_REQUESTS = 30

# That both sides must have in common.
SAME = ("architecture", "engine", "precision", "threads", "sha256")

_STEP = re.compile(r"(\w+);dur=([\d.]+)")


def measure(config: Config, payloads: Sequence[Payload], *, seconds: float, rounds: int) -> list[Report]:
    """Measure the service and its bare engine in turns, with the same photos, engine and threads.

    Args:
        config: the service's.
        payloads: photos.
        seconds: length of each measurement.
        rounds: how many.

    Returns:
        A table for one client, with every figure as data, one for several, and one of each process's processor time.

    Raises:
        BenchmarkError: the service or wrk failed, or the config has no image model.
    """
    wrk.wrk_path()
    name, _ = first_version(config, KINDS["image"])
    with serving(config) as service:
        url = checked(service, name, payloads)
        facts = get(f"{service.url}/v2/models/{name}")["parameters"]
        with bare_engine(config, facts, payloads) as bare:
            check_same(facts, bare.facts)
            wrk.run(url, payloads, connections=max(CLIENTS), seconds=WARM_UP_SECONDS)
            measured = [_round(service, url, payloads, bare, seconds) for _ in range(rounds)]
        return reports(measured, server_timing(url, payloads), facts, replica_counts(service.processes()))


def check_same(service: Mapping[str, Any], bare: Mapping[str, Any]) -> None:
    """Make sure that both sides run the same.

    Raises:
        BenchmarkError: they do not.
    """
    for fact in SAME:
        if service.get(fact) != bare.get(fact):
            raise BenchmarkError(
                f"The service runs with {fact} {service.get(fact)}, the bare engine with {bare.get(fact)}: "
                "set it in the config."
            )


def server_timing(url: str, payloads: Sequence[Payload]) -> dict[str, float]:
    """Return the medians of what the service itself says, in milliseconds by step."""
    steps: dict[str, list[float]] = {}
    for payload in islice(cycle(payloads), TIMING_REQUESTS):
        _, headers = post(url, payload.content, payload.content_type)
        for step, milliseconds in _STEP.findall(headers.get("server-timing", "")):
            steps.setdefault(step, []).append(float(milliseconds))
    return {step: statistics.median(values) for step, values in steps.items()}


def _round(service: Service, url: str, payloads: Sequence[Payload], bare: BareEngine, seconds: float) -> Round:
    def loaded(clients: int) -> Load:
        return load(service.processes, [url], payloads, connections=clients, seconds=seconds)

    before = bare.photos(seconds)
    alone = loaded(1)
    after = bare.photos(seconds)
    several = {clients: loaded(clients) for clients in CLIENTS if clients > 1}
    return Round(before, after, {1: alone, **several}, bare.rates(seconds))
