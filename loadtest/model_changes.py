"""Versions are added, made the default and removed under load: what fails, and how soon a change is in force."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psutil
import yaml

from loadtest.configs import KINDS, Config, laid_out
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.ports import free_port
from loadtest.ray_processes import role
from loadtest.report import Report
from loadtest.service import Service, running, scoring_serve

GATEWAYS = 2
OWN = {"min_replicas": 1, "max_replicas": 1}
ADDED = "2"
ANSWER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request.

    Attributes:
        sent: when, in seconds of `time.time()`.
        version: that answered; empty where none did.
        failure: why not; empty where one did.
    """

    sent: float
    version: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One change.

    Attributes:
        command: what was run.
        seconds: that it took.
        in_force: seconds from the change of the config file until the last request that the default of before
            answered; None where the default stays.
    """

    command: str
    seconds: float
    in_force: float | None = None


@dataclass(slots=True)
class Changes:
    """What happened to one service.

    Attributes:
        steps: in their order.
        exchanges: of each model.
        replaced: processes of replicas that were there before and are not any more, or are others.
    """

    steps: list[Step]
    exchanges: dict[str, list[Exchange]]
    replaced: list[str]

    @property
    def failures(self) -> Counter[str]:
        """What failed, and how often."""
        return Counter(each.failure for model in self.exchanges.values() for each in model if each.failure)


@dataclass(slots=True)
class _Load:
    """Requests to one model at a constant rate, whatever becomes of them."""

    url: str
    payload: Payload
    rate: float
    exchanges: list[Exchange] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads.append(threading.Thread(target=self._send_all))
        self._threads[0].start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(ANSWER_SECONDS)

    def _send_all(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += 1 / self.rate
            thread = threading.Thread(target=self._send)
            thread.start()
            self._threads.append(thread)

    def _send(self) -> None:
        sent = time.time()
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", parts.path, self.payload.content, {"content-type": self.payload.content_type})
            answer = connection.getresponse()
            content = answer.read()
            failure = "" if answer.status == http.HTTPStatus.OK else f"{answer.status} {content[:200]!r}"
            self.exchanges.append(Exchange(sent, answer.headers.get("x-model-version", ""), failure))
        except (OSError, http.client.HTTPException) as error:
            self.exchanges.append(Exchange(sent, "", type(error).__name__))
        finally:
            connection.close()


def measure(payloads: dict[str, Payload], versions: dict[str, dict[str, Any]], *, rate: float) -> Report:
    """Change the models of a service with two replicas of the gateway while clients ask each model.

    Args:
        payloads: a request of each model, by `faq` and `image`.
        versions: settings of each model's version.
        rate: requests a second of each model.

    Raises:
        BenchmarkError: the service failed, or a change was not taken over.
    """
    return report(changes(payloads, versions, rate=rate), rate)


def changes(payloads: dict[str, Payload], versions: dict[str, dict[str, Any]], *, rate: float) -> Changes:
    """Do what `measure` says, and return what happened."""
    with TemporaryDirectory(prefix="loadtest-") as directory:
        file = Path(directory) / "config.yaml"
        file.write_text(yaml.safe_dump(laid_out(_config(versions))), encoding="utf-8")
        command = [*scoring_serve(), "--config", str(file), "--port", str(free_port())]
        with running(command) as service:
            before = _replicas(service)
            loads = {model: _Load(f"{service.url}/{model}/score", payloads[model], rate) for model in versions}
            for load in loads.values():
                load.start()
            try:
                steps = [step for model in versions for step in _steps(file, model, versions[model], loads[model])]
            finally:
                for load in loads.values():
                    load.stop()
            after = _replicas(service)
    lost = [f"{name} ({pid})" for (pid, started), name in before.items() if (pid, started) not in after]
    return Changes(steps, {model: load.exchanges for model, load in loads.items()}, lost)


def _config(versions: dict[str, dict[str, Any]]) -> Config:
    models = [
        {"kind": KINDS[model], "name": model, "versions": [{"name": "1", "scaling": OWN, **version}]}
        for model, version in versions.items()
    ]
    ingress = {"scaling": {"min_replicas": GATEWAYS, "max_replicas": GATEWAYS}, "access": {"required": False}}
    args = {"ingress": ingress, "models": models}
    return {"applications": [{"name": "scoring", "import_path": "serve_app.app:build", "args": args}]}


def _replicas(service: Service) -> dict[tuple[int, float], str]:
    found = {}
    for process in service.processes():
        with suppress(psutil.NoSuchProcess):
            if (name := role(process)).startswith("replica "):
                found[process.pid, process.create_time()] = name
    return found


def _steps(file: Path, model: str, version: dict[str, Any], load: _Load) -> list[Step]:
    settings = Path(file.parent) / f"{model}.yaml"
    settings.write_text(yaml.safe_dump({"scaling": OWN, **version}), encoding="utf-8")
    steps = [_step(file, "add", model, ADDED, "--settings", str(settings))]
    for default, other in ((ADDED, "1"), ("1", ADDED)):
        step = _step(file, "default", model, default)
        changed = file.stat().st_mtime
        _wait_for(load, default)
        late = [each.sent - changed for each in load.exchanges if each.version == other and each.sent > changed]
        steps.append(Step(step.command, step.seconds, max(late, default=0.0)))
    return [*steps, _step(file, "remove", model, ADDED)]


def _step(file: Path, *words: str) -> Step:
    command = [*scoring_serve()[:1], "models", *words, "--config", str(file)]
    started = time.monotonic()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BenchmarkError(f"scoring models {' '.join(words[:3])}: {ran.stderr.strip()}")
    return Step(f"models {' '.join(words[:3])}", time.monotonic() - started)


def _wait_for(load: _Load, version: str) -> None:
    """Return when a second's requests in a row were answered by a version."""
    wanted = max(1, round(load.rate))
    until = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until:
        last = load.exchanges[-wanted:]
        if len(last) == wanted and all(each.version == version for each in last):
            return
        time.sleep(1 / load.rate)
    raise BenchmarkError(f"Version {version} does not answer all requests.")


def report(found: Changes, rate: float) -> Report:
    """Put what happened into a table."""
    rows = [
        [step.command, f"{step.seconds:.1f}", "" if step.in_force is None else f"{step.in_force:.2f}"]
        for step in found.steps
    ]
    sent = sum(len(each) for each in found.exchanges.values())
    failed = f"{sum(found.failures.values())} failed{_told(found.failures)}"
    notes = [
        f"{sent:,} requests, {rate:g} a second of each model; {failed}. {_lost(found.replaced)}",
        "A change is in force when the default of before has answered its last request. A command ends when it is.",
    ]
    data = {
        "steps": [[step.command, step.seconds, step.in_force] for step in found.steps],
        "requests": sent,
        "failures": dict(found.failures),
        "replaced": found.replaced,
    }
    columns = ["Change", "Command s", "In force after s"]
    return Report(f"Models changed under load, {GATEWAYS} replicas of the gateway", columns, rows, notes, data)


def _told(failures: Counter[str]) -> str:
    return f": {', '.join(f'{count} {what}' for what, count in failures.most_common(3))}" if failures else ""


def _lost(replaced: Sequence[str]) -> str:
    return f"Replaced replicas: {', '.join(replaced)}." if replaced else "No other replica was replaced."
