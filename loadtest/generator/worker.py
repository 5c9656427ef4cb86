"""A process that sends: a worker of Locust, which does its share of each plan that the master gives it."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]
from locust import User, runners, task
from locust.env import Environment
from locust.exception import StopUser
from locust.rpc import Message

from loadtest.generator.driving import Drive
from loadtest.generator.plan import Plan

REPORT_SECONDS = 1.0

# Of what happens after the last request was due.
NO_STEP = -1


class Driver(User):
    """The one user of a worker: Locust starts it when the run starts, and it does all that is due."""

    drive: ClassVar[Drive | None] = None
    ended: ClassVar[Any] = None

    @task
    def work(self) -> None:
        """Do this worker's share of a plan, once."""
        drive, Driver.drive = Driver.drive, None
        if drive is not None:
            drive.run()
            Driver.ended()
        raise StopUser


class Worker:
    """What a worker does beside sending.

    Args:
        host: of the master.
        port: of the master.
        headers: of every request: key and token, which stay in this process.

    Raises:
        ConnectionError: the master does not answer.
    """

    def __init__(self, host: str, port: int, headers: Mapping[str, str]) -> None:
        # Locust's own is three seconds; progress is shown each second. Its own statistics stay empty: they count from
        # when a request was sent and not from when it was due, and round.
        runners.WORKER_REPORT_INTERVAL = REPORT_SECONDS
        self._headers = headers
        self._drive: Drive | None = None
        self._cpu = (0.0, 0.0)
        self._number = 0
        environment = Environment(user_classes=[Driver])
        self._runner = environment.create_worker_runner(host, port)
        self._runner.register_message("plan", self._prepare)
        self._runner.register_message("cease", self._cease)
        environment.events.report_to_master.add_listener(self._add_report)  # type: ignore[no-untyped-call]
        Driver.ended = self._finish

    def run(self) -> None:
        """Serve the master until it ends."""
        self._runner.greenlet.join()

    def _prepare(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - Locust's names
        data = msg.data
        plan = Plan.model_validate_json(data["plan"])
        try:
            self._drive = Driver.drive = Drive(plan, self._headers, data["index"], data["count"])
        except OSError:
            self._runner.send_message("refused", {"reason": f"The address of {plan.url} cannot be found."})
            return
        self._number = 0
        # What lives as long as the run is not looked at again: collecting garbage would hold up requests.
        gc.collect()
        gc.freeze()
        self._cpu = (time.monotonic(), time.process_time())
        self._runner.send_message("prepared", {"run": data["run"]})

    def _cease(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - Locust's names
        if self._drive is not None:
            self._drive.stop()

    def _add_report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - Locust's names
        if self._drive is not None and self._drive.at():
            data["load"] = self._report(self._drive)

    def _report(self, drive: Drive) -> dict[str, Any]:
        now, used = time.monotonic(), time.process_time()
        wall, cpu = now - self._cpu[0], used - self._cpu[1]
        self._cpu = (now, used)
        self._number += 1
        at = drive.at()
        taken = drive.tally.take()
        step = drive.step_at(max(at - wall / 2, 0.0)) if drive.sends else NO_STEP
        return {
            "number": self._number,
            "at": at,
            "step": step,
            "wall": wall,
            "cpu": cpu,
            "out": drive.in_flight,
            **taken,
        }

    def _finish(self) -> None:
        """Tell the master all that it does not know yet, and how much it should know."""
        drive, self._drive = self._drive, None
        if drive is not None:
            self._runner.send_message("finished", {"load": self._report(drive), "totals": drive.tally.totals})
            gc.unfreeze()


def run_worker(host: str, port: int, headers: Mapping[str, str]) -> None:
    """Be a worker of a master until that one ends."""
    worker = Worker(host, port, headers)
    try:
        worker.run()
    except KeyboardInterrupt:
        gevent.sleep(0)
