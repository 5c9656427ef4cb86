"""Ray Serve's controller, simulated: one event loop for turns, reports of load, and what it tells others."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import simpy

from loadtest.sizing.simulation.paper import replicas_in_all, turn_seconds
from loadtest.sizing.simulation.parameters import Cluster, Control
from loadtest.sizing.simulation.stations import Machine, Worker


@dataclass(frozen=True, slots=True)
class ControlOutcome:
    """How the controller fares.

    Attributes:
        utilization: share of its core.
        turns: seconds from one turn of its loop to the next, sorted.
        delays: seconds from the sending of a report to its end at the controller, sorted.
    """

    utilization: float
    turns: list[float]
    delays: list[float]

    @property
    def turn(self) -> float:
        """Median seconds from one turn to the next."""
        return self.turns[len(self.turns) // 2]

    def delay(self, share: float) -> float:
        """Return the delay of reports that this share did not exceed, in seconds."""
        return self.delays[min(len(self.delays) - 1, int(share * len(self.delays)))]


def simulate_control(
    cluster: Cluster, control: Control, *, stages: int, seconds: float = 20, changing: bool = False, seed: int = 1
) -> ControlOutcome:
    """Let the controller run for so much simulated time.

    Args:
        cluster: with how many nodes and replicas.
        control: what they cost.
        stages: between ingress and answer.
        seconds: of simulated time.
        changing: whether replicas come or go in every turn, so that everybody is told.
        seed: of the random numbers.
    """
    controller = _Controller(cluster, control, stages, seed)
    controller.begin(changing=changing)
    controller.env.run(until=seconds)
    return ControlOutcome(
        min(1.0, controller.worker.busy_seconds / seconds), sorted(controller.turns), sorted(controller.delays)
    )


class _Controller:
    def __init__(self, cluster: Cluster, control: Control, stages: int, seed: int) -> None:
        self.env = simpy.Environment()
        self.worker = Worker(Machine(self.env))
        self.turns: list[float] = []
        self.delays: list[float] = []
        self._cluster = cluster
        self._control = control
        self._stages = stages
        self._random = random.Random(seed)

    def begin(self, *, changing: bool) -> None:
        """Start the loop, and every replica that reports."""
        self.env.process(self._loop(changing=changing))
        for _ in range(replicas_in_all(self._cluster, self._stages)):
            self.env.process(self._reports())

    def _loop(self, *, changing: bool) -> Generator[simpy.Event, None, None]:
        control, period = self._control, self._control.interval
        while True:
            begun = self.env.now
            done = self.env.event()
            body = turn_seconds(self._cluster, control, period, stages=self._stages)
            self.worker.do(body, partial(_succeed, done))
            if changing:
                self._tell()
            yield done
            yield self.env.timeout(control.interval)
            period = self.env.now - begun
            self.turns.append(period)

    def _tell(self) -> None:
        """Every handle and every node's proxy gets the whole set of replicas, in a message of its own."""
        cluster, control = self._cluster, self._control
        handles = cluster.ingress + (cluster.preprocess if self._stages > 1 else 0)
        for _ in range(handles + cluster.nodes):
            self.worker.do(control.listener + control.listener_replica * cluster.replicas, lambda: None)

    def _reports(self) -> Generator[simpy.Event, None, None]:
        """A replica sends no report while its last one is on its way."""
        control = self._control
        yield self.env.timeout(self._random.uniform(0, control.report_period))
        while True:
            sent = self.env.now
            done = self.env.event()
            self.worker.do(control.report, partial(_succeed, done))
            yield done
            self.delays.append(self.env.now - sent)
            yield self.env.timeout(max(0.0, sent + control.report_period - self.env.now))


def _succeed(event: simpy.Event) -> None:
    event.succeed()
