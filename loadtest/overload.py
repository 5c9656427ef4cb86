"""Far more requests than a service can answer: who is answered, who is refused, and what is left of it after."""

from __future__ import annotations

import copy
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.configs import KINDS, Config, arguments, first_version
from loadtest.errors import BenchmarkError
from loadtest.memory_over_time import watched_memory
from loadtest.open_loop import Generator, Timed
from loadtest.overload_figures import Overload, answered, per_second, report
from loadtest.overload_plot import draw
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.service import Service, serving
from loadtest.throughput import checked

# As many as the first stage of each model works on at once.
CLIENTS = {"faq": 64, "image": 32}

AFTER_SECONDS = 15.0
AFTER_RATE = 10.0
HEALTH_SECONDS = 0.25
MEMORY_SECONDS = 0.5

_ONE = {"min_replicas": 1, "max_replicas": 1}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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
        draw(found, plot)
    return report(model, found, clients=CLIENTS[model], factor=factor)


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
        rate = per_second(answered(at_capacity), at_capacity)
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
