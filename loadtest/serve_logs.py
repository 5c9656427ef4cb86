"""What Ray Serve wrote down about replicas, with the times at which it did: exact, and no load on what is measured."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import psutil

from loadtest.errors import BenchmarkError

POLL_SECONDS = 0.05

Kind = Literal["decided to add", "decided to remove", "starting", "running", "stopping"]
FoundT = TypeVar("FoundT")

_LINE = re.compile(r"^\w+ (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \S+ \S+ (?P<request>\S* ?)-- (?P<text>.*)$")
_DEPLOYMENT = r"Deployment\(name='(?P<deployment>[^']+)'"
_TARGET = r".* from \d+ to (?P<target>\d+) replicas"
_REPLICA = r"Replica\(id='(?P<replica>[^']+)', deployment='(?P<deployment>[^']+)'"
_EVENTS: list[tuple[Kind, re.Pattern[str]]] = [
    ("decided to add", re.compile(rf"^Upscaling {_DEPLOYMENT}{_TARGET}")),
    ("decided to remove", re.compile(rf"^Downscaling {_DEPLOYMENT}{_TARGET}")),
    ("starting", re.compile(rf"^Starting {_REPLICA}")),
    ("running", re.compile(rf"^{_REPLICA}.* started successfully .*\(PID: (?P<pid>\d+)\)")),
    ("stopping", re.compile(rf"^Stopping {_REPLICA}")),
]
_ANSWERED = re.compile(r"^CALL score OK")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a deployment.

    Attributes:
        time: seconds since the epoch.
        kind: what happened.
        deployment: to which deployment.
        replica: to which of its replicas; empty for decisions.
        pid: the replica's process; 0 where the log does not say.
        target: replicas that a decision wants; 0 for what is no decision.
    """

    time: float
    kind: Kind
    deployment: str
    replica: str = ""
    pid: int = 0
    target: int = 0


class ServeLogs:
    """The logs of one service, which stay when it has stopped.

    Args:
        directory: where Ray Serve writes them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of(cls, processes: Iterable[psutil.Process]) -> ServeLogs:
        """Find the logs of a running service by its processes.

        Raises:
            BenchmarkError: no process tells where they are.
        """
        for process in processes:
            for argument in process.cmdline():
                if argument.startswith("--log_dir="):
                    return cls(Path(argument.partition("=")[2]) / "serve")
        raise BenchmarkError("The service's processes do not tell where Ray's logs are.")

    def events(self, deployment: str, *, since: float) -> list[Event]:
        """Return what happened to a deployment from a time on, oldest first."""
        lines = [line for file in self.directory.glob("controller_[0-9]*.log*") for line in _lines(file)]
        found = [event for event in map(parse, lines) if event is not None]
        wanted = [event for event in found if event.deployment == deployment and event.time >= since]
        return sorted(wanted, key=lambda event: event.time)

    def wait_for(self, kind: Kind, deployment: str, *, since: float, seconds: float) -> Event | None:
        """Return the first event of a kind from a time on; None if there is none for so many seconds from now."""
        return wait_for(
            lambda: next((event for event in self.events(deployment, since=since) if event.kind == kind), None), seconds
        )

    def first_answer(self, replica: str) -> float | None:
        """Return when a replica answered its first call; None if it has not, or not written so yet."""
        for file in self.directory.glob(f"replica_*_{replica}.log"):
            for line in _lines(file):
                if (answered := _answered(line)) is not None:
                    return answered
        return None


def parse(line: str) -> Event | None:
    """Read one line of the controller's log; None if it tells of nothing that benchmarks ask for."""
    match = _LINE.match(line)
    if match is None:
        return None
    for kind, pattern in _EVENTS:
        if event := pattern.match(match["text"]):
            found = event.groupdict()
            time_ = _seconds(match["time"])
            numbers = {name: int(found.get(name, 0)) for name in ("pid", "target")}
            return Event(time_, kind, found["deployment"], found.get("replica", ""), **numbers)
    return None


def wait_for(find: Callable[[], FoundT | None], seconds: float) -> FoundT | None:
    """Return what a function finds, asked again and again; None if it finds nothing in time."""
    until = time.monotonic() + seconds
    while (found := find()) is None and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    return found


def _answered(line: str) -> float | None:
    """Return when the call was answered that a line of a replica's log, as text or JSON, tells of."""
    if match := _LINE.match(line):
        return _seconds(match["time"]) if _ANSWERED.match(match["text"]) else None
    try:
        told = json.loads(line)
        return datetime.fromisoformat(told["time"]).timestamp() if _ANSWERED.match(told["message"]) else None
    except (ValueError, TypeError, KeyError):
        # A line that is being written.
        return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _seconds(text: str) -> float:
    # Ray writes the machine's local time.
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
