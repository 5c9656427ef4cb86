"""What the service adds to decode and inference for one client, and where that goes."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest import wrk
from loadtest.configs import KINDS, Config, arguments, first_version
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.service import post, serving
from loadtest.spread import spread

WARM_UP_SECONDS = 2
TIMING_REQUESTS = 30
DRIFT = 0.1

_STEP = re.compile(r"(\w+);dur=([\d.]+)")


@dataclass(frozen=True, slots=True)
class Round:
    """One round, in milliseconds.

    Attributes:
        before: decode, infer and total in process, before the service was asked.
        http: p50 over HTTP, one client.
        after: as `before`, after it.
    """

    before: dict[str, float]
    http: float
    after: dict[str, float]

    def in_process(self, step: str = "total") -> float:
        """Mean of before and after."""
        return (self.before[step] + self.after[step]) / 2

    @property
    def overhead(self) -> float:
        """What the service adds."""
        return self.http - self.in_process()


class InProcess:
    """The program `loadtest.in_process.image`, waiting for work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.facts = self._read()

    def measure(self, seconds: float) -> dict[str, float]:
        """Classify the photo for a while; see `image.measure`."""
        assert self._process.stdin is not None  # noqa: S101 - always a pipe
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - always a pipe
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError("The model does not load in process; what it says stands above.")
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure(config: Config, payload: Payload, *, seconds: float, rounds: int) -> Report:
    """Measure in process, over HTTP and in process again, with the same photo and as many threads.

    Raises:
        BenchmarkError: the service or wrk failed, or the config has no image model.
    """
    wrk.wrk_path()
    name, _ = first_version(config, KINDS["image"])
    with serving(config) as service, in_process(config, payload) as reference:
        url = f"{service.url}/{name}/score"
        wrk.run(url, [payload], connections=1, seconds=WARM_UP_SECONDS)
        reference.measure(WARM_UP_SECONDS)
        measured = [_round(url, payload, reference, seconds) for _ in range(rounds)]
        timing = server_timing(url, payload)
        facts = reference.facts
    return report(measured, timing, facts)


def report(rounds: list[Round], timing: dict[str, float], facts: dict[str, Any]) -> Report:
    """Put rounds into a table."""
    drifted = any(abs(each.before["total"] - each.after["total"]) > DRIFT * each.in_process() for each in rounds)
    steps = ", ".join(f"{step} {milliseconds:.1f}" for step, milliseconds in timing.items())
    threads = facts.get("threads", "?")
    return Report(
        "Image: what the service adds for one client, p50 in ms",
        ["HTTP", "Decode + inference in process", "Decode", "Inference", "Added"],
        [
            [
                spread([each.http for each in rounds]).text(),
                spread([each.in_process() for each in rounds]).text(),
                spread([each.in_process("decode") for each in rounds]).text(),
                spread([each.in_process("infer") for each in rounds]).text(),
                spread([each.overhead for each in rounds]).text(),
            ]
        ],
        [
            (
                f"Median of {len(rounds)} rounds (lowest-highest); {facts.get('architecture', 'the model')}, "
                f"{facts.get('engine', '')}, {threads} threads."
            ),
            f"Server-Timing over HTTP, medians in ms: {steps}.",
            *([f"In process, before and after differ by more than {DRIFT:.0%}: measure again at rest."] * drifted),
        ],
        {"rounds": [asdict(each) for each in rounds], "server_timing": timing, "model": facts},
    )


@contextmanager
def in_process(config: Config, payload: Payload) -> Iterator[InProcess]:
    """Start the program that classifies without a service.

    Raises:
        BenchmarkError: it does not start.
    """
    with TemporaryDirectory(prefix="loadtest-") as directory:
        photo = Path(directory) / "photo"
        photo.write_bytes(payload.content)
        command = [sys.executable, "-m", "loadtest.in_process.image", "--settings", json.dumps(settings(config))]
        process = subprocess.Popen(
            [*command, "--photo", str(photo)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            yield InProcess(process)
        finally:
            process.communicate()


def settings(config: Config) -> dict[str, Any]:
    """Return what the program needs of the service's config."""
    _, version = first_version(config, KINDS["image"])
    return {
        "model": {key: _expanded(value) for key, value in version_model(version).items()},
        "preprocess": version.get("preprocess", {}),
        "allow_untrained": arguments(config).get("profile", "local") == "local",
    }


def version_model(version: dict[str, Any]) -> dict[str, Any]:
    """Return a version's model settings; as the service does, with as many threads as it reserves CPUs."""
    model = dict(version.get("model", {}))
    reserved = int(version.get("scaling", {}).get("cpus", 0))
    if reserved and model.get("threads") is None:
        model["threads"] = reserved
    return model


def server_timing(url: str, payload: Payload) -> dict[str, float]:
    """Return the medians of what the service itself says, in milliseconds by step."""
    steps: dict[str, list[float]] = {}
    for _ in range(TIMING_REQUESTS):
        _, headers = post(url, payload.content, payload.content_type)
        for step, milliseconds in _STEP.findall(headers.get("server-timing", "")):
            steps.setdefault(step, []).append(float(milliseconds))
    return {step: statistics.median(values) for step, values in steps.items()}


def _expanded(value: Any) -> Any:
    """Put environment variables in their place, as the service does."""
    return os.path.expandvars(value) if isinstance(value, str) else value


def _round(url: str, payload: Payload, reference: InProcess, seconds: float) -> Round:
    before = reference.measure(seconds)
    http = wrk.run(url, [payload], connections=1, seconds=seconds)
    if http.errors:
        raise BenchmarkError(f"{http.errors} requests failed.")
    return Round(before, http.p50_ms, reference.measure(seconds))
