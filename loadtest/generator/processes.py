"""The generator's processes on this machine: a master and workers, started, asked and stopped."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

from loadtest.errors import BenchmarkError
from loadtest.generator.plan import Plan
from loadtest.generator.results import Measured

# What one process of gevent sends without being late, with room; a second one comes where more is wanted.
RATE_OF_WORKER = 400.0
STOP_SECONDS = 15
_SAID_CHARACTERS = 2000

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Crew:
    """The processes that are wanted.

    Attributes:
        local: workers on this machine.
        remote: workers that join from other machines.
        host: address on which the master listens for them.
        port: its port; 0 for a free one.
        key_file: holds the key that local workers send; None for the environment's.
        token_file: holds their token.
    """

    local: int = 1
    remote: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    key_file: Path | None = None
    token_file: Path | None = None


def default_workers(rate: float | None, clients: int | None) -> int:
    """Return how many workers make sense: as many as the rate needs, not more than cores or clients."""
    cores = len(os.sched_getaffinity(0))
    if rate is None:
        return max(1, min(cores, clients or 1))
    return max(1, min(cores, -(-round(rate) // round(RATE_OF_WORKER))))


class Session:
    """Processes that are ready, for one run after the other.

    Attributes:
        processes: of this machine, the master first.
        workers: how many workers there are, those of other machines included.
    """

    def __init__(self, master: subprocess.Popen[str], said: IO[str], directory: Path) -> None:
        self.processes = [master]
        self._master = master
        self._said = said
        self._directory = directory
        self._events: queue.Queue[Event] = queue.Queue()
        self.workers = 0
        # It ends with the process, whose output must be read all the time.
        threading.Thread(target=self._read, daemon=True).start()

    def run(self, plan: Plan, on_event: Callable[[Event], None] = lambda _: None) -> Measured:
        """Do what a plan says.

        Args:
            plan: the run.
            on_event: called when it has started, each second with its progress, and when it has finished. Ctrl-C ends
                the run before its time, and what was measured is returned.

        Raises:
            BenchmarkError: the generator failed.
        """
        plan_file, into = self._directory / "plan.json", self._directory / "measured.json"
        plan_file.write_text(plan.model_dump_json(), encoding="utf-8")
        self._tell(run=str(plan_file), into=str(into))
        while True:
            try:
                event = self.next_event()
            except KeyboardInterrupt:
                self.cease()
                continue
            on_event(event)
            if event["event"] == "finished":
                return Measured.model_validate_json(into.read_text(encoding="utf-8"))

    def cease(self) -> None:
        """End a run before its time; what is out is still waited for."""
        self._tell(cease=True)

    def next_event(self, timeout: float | None = None) -> Event:
        """Return what the master says next.

        Raises:
            BenchmarkError: it failed, has ended, or says nothing in time.
        """
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            raise BenchmarkError("The load generator does not start.") from None
        if event["event"] == "failed":
            raise BenchmarkError(event["reason"])
        if event["event"] == "ended":
            self._said.seek(0)
            said = self._said.read()[-_SAID_CHARACTERS:].strip().rpartition("\n")[2]
            raise BenchmarkError(f"The load generator has ended: {said or 'it said nothing'}")
        return event

    def _tell(self, **what: Any) -> None:
        assert self._master.stdin is not None  # noqa: S101 - always a pipe
        try:
            self._master.stdin.write(json.dumps(what) + "\n")
            self._master.stdin.flush()
        except BrokenPipeError:
            self.next_event()

    def _read(self) -> None:
        assert self._master.stdout is not None  # noqa: S101 - always a pipe
        for line in self._master.stdout:
            self._events.put(json.loads(line))
        self._events.put({"event": "ended"})


@contextmanager
def session(crew: Crew, on_port: Callable[[int], None] = lambda _: None) -> Iterator[Session]:
    """Start the processes; after the block they are gone.

    Args:
        crew: which ones.
        on_port: told where the master listens, before workers of other machines are waited for.

    Raises:
        BenchmarkError: they do not start, or workers of other machines do not come.
    """
    if not crew.local + crew.remote:
        raise BenchmarkError("There is no worker; give --workers or --remote-workers.")
    with TemporaryDirectory(prefix="loadtest-") as directory, TemporaryFile("w+", errors="replace") as said:
        options = ["--host", crew.host, "--port", str(crew.port), "--expected", str(crew.local + crew.remote)]
        found = Session(_start("master", options, said), said, Path(directory))
        try:
            port = found.next_event(timeout=120)["port"]
            on_port(port)
            host = "127.0.0.1" if crew.host in {"*", "0.0.0.0"} else crew.host  # noqa: S104 - compared
            arguments = worker_arguments(host, port, crew.key_file, crew.token_file)
            found.processes += [_start("worker", arguments, said) for _ in range(crew.local)]
            found.workers = found.next_event()["workers"]
            yield found
        finally:
            _stop(found.processes)


def worker_arguments(host: str, port: int, key_file: Path | None, token_file: Path | None) -> list[str]:
    """Return a worker's command line; the files' names are no secrets."""
    files = [("--key-file", key_file), ("--token-file", token_file)]
    return ["--host", host, "--port", str(port), *(word for name, file in files if file for word in (name, str(file)))]


def command(role: str, arguments: list[str]) -> list[str]:
    """Return the command of a process of the generator."""
    return [sys.executable, "-m", "loadtest.generator", role, *arguments]


def _start(role: str, arguments: list[str], said: IO[str]) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches the command alone, which ends the run in order.
    pipe = subprocess.PIPE if role == "master" else subprocess.DEVNULL
    return subprocess.Popen(
        command(role, arguments), stdin=pipe, stdout=pipe, stderr=said, text=True, start_new_session=True
    )


def _stop(started: list[subprocess.Popen[str]]) -> None:
    """The master ends with its input, and tells the workers; what does not end so, is killed."""
    master = started[0]
    assert master.stdin is not None  # noqa: S101 - always a pipe
    master.stdin.close()
    for process in started:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
