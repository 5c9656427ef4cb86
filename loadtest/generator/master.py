"""The process that gives workers their shares and puts their reports together: the master of Locust."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.rpc import Message

from loadtest.generator.merging import Merge
from loadtest.generator.plan import Plan
from loadtest.generator.worker import Driver

WORKER_SECONDS = 120.0
PREPARE_SECONDS = 60.0
# After the last request must be over.
FINISH_SECONDS = 30.0
STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.1


class OneEach(UsersDispatcher):
    """One driver for each worker that was there at the start; Locust would move one to a worker that comes later."""

    def add_worker(self, worker_node: Any) -> None:
        """Leave a worker that comes during a run without work; it takes part in the next one."""


class Master:
    """Speaks lines of JSON with the process that started it, and Locust's protocol with the workers.

    Args:
        host: address to listen on for workers.
        port: 0 for a free one.
        expected: workers to wait for.
    """

    def __init__(self, host: str, port: int, expected: int) -> None:
        environment = Environment(user_classes=[Driver], dispatcher_class=OneEach)
        self._runner = environment.create_master_runner(host, port)
        self._expected = expected
        self._changed = Event()
        self._merge: Merge | None = None
        self._numbers: dict[str, int] = {}
        self._prepared: set[str] = set()
        self._finished: set[str] = set()
        self._refused = ""
        self._stopped = False
        self._runs = 0
        for name, listener in (("prepared", self._note_prepared), ("refused", self._note_refused)):
            self._runner.register_message(name, listener)
        self._runner.register_message("finished", self._note_finished)
        environment.events.worker_report.add_listener(self._note_report)  # type: ignore[no-untyped-call]

    def serve(self) -> None:
        """Do what is asked on standard input, one run after the other, until it ends."""
        say(event="listening", port=self._runner.server.port)
        if not _wait(lambda: self._runner.worker_count >= self._expected, WORKER_SECONDS):
            say(event="failed", reason=f"Only {self._runner.worker_count} of {self._expected} workers came.")
            return
        say(event="ready", workers=self._runner.worker_count)
        running: gevent.Greenlet | None = None
        while line := gevent.get_hub().threadpool.apply(sys.stdin.readline):
            command = json.loads(line)
            if "run" in command:
                running = gevent.spawn(self._run, Path(command["run"]), Path(command["into"]))
            else:
                self._stopped = True
                self._runner.send_message("cease")
        if running is not None and not running.ready():
            running.kill()

    def end(self) -> None:
        """Tell all workers to end."""
        self._runner.quit()

    def _run(self, plan_file: Path, into: Path) -> None:
        plan = Plan.model_validate_json(plan_file.read_text(encoding="utf-8"))
        failure = self._prepare(plan)
        if failure:
            say(event="failed", reason=failure)
            return
        merge = self._merge
        assert merge is not None  # noqa: S101 - as prepared
        say(event="started")
        count = len(self._numbers)
        # It returns when all workers have their driver, whose first requests are out by then.
        gevent.spawn(self._runner.start, count, spawn_rate=count)
        left = count - self._watch(merge, plan)
        self._runner.stop()
        _wait(lambda: self._runner.worker_count >= left, STOP_SECONDS)
        into.write_text(merge.measured(stopped=self._stopped).model_dump_json(), encoding="utf-8")
        self._merge = None
        say(event="finished")

    def _prepare(self, plan: Plan) -> str:
        """Give each worker the plan; returns why that is not possible."""
        self._runs += 1
        workers = sorted(client.id for client in self._runner.clients.ready)
        if not workers:
            return "There is no worker any more."
        self._numbers = {worker: number for number, worker in enumerate(workers)}
        self._prepared, self._finished, self._refused, self._stopped = set(), set(), "", False
        self._merge = Merge(plan, len(workers))
        text = plan.model_dump_json()
        for worker, number in self._numbers.items():
            data = {"plan": text, "index": number, "count": len(workers), "run": self._runs}
            self._runner.send_message("plan", data, client_id=worker)
        if not _wait(lambda: self._refused or len(self._prepared) == len(workers), PREPARE_SECONDS):
            return "A worker did not get ready."
        return self._refused

    def _watch(self, merge: Merge, plan: Plan) -> int:
        """Tell about progress until all workers are done or gone; returns how many are gone."""
        longest = plan.seconds + plan.timeout_seconds + FINISH_SECONDS
        gone: set[str] = set()
        with gevent.Timeout(longest, exception=False):
            while self._finished | gone != set(self._numbers):
                for worker in set(self._numbers) - self._finished - gone:
                    client = self._runner.clients.get(worker)
                    if client is None or client.state == "missing":
                        gone.add(worker)
                        merge.lose(self._numbers[worker])
                self._changed.wait(1.0)
                self._changed.clear()
                say(event="progress", **merge.progress())
        for worker in set(self._numbers) - self._finished - gone:
            merge.lose(self._numbers[worker])
        return len(gone)

    def _note_prepared(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - Locust's names
        if msg.data["run"] == self._runs:
            self._prepared.add(msg.node_id)

    def _note_refused(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - Locust's names
        self._refused = msg.data["reason"]

    def _note_report(self, client_id: str, data: dict[str, Any]) -> None:
        if self._merge is not None and "load" in data and client_id in self._numbers:
            self._merge.add(self._numbers[client_id], data["load"])
            self._changed.set()

    def _note_finished(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - Locust's names
        if self._merge is None or msg.node_id not in self._numbers:
            return
        number = self._numbers[msg.node_id]
        self._merge.add(number, msg.data["load"])
        self._merge.check(number, msg.data["load"], msg.data["totals"])
        self._finished.add(msg.node_id)
        self._changed.set()


def run_master(host: str, port: int, expected: int) -> None:
    """Be the master until standard input ends."""
    master = Master(host, port, expected)
    try:
        master.serve()
    finally:
        master.end()


def say(**what: Any) -> None:
    """Tell the process that started this one."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _wait(is_so: Callable[[], object], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not (so := bool(is_so())) and time.monotonic() < until:
        gevent.sleep(_LOOK_SECONDS)
    return so
