"""Requests through HAProxy, ingress, and stages of a cluster, simulated one by one."""

from __future__ import annotations

import random
import statistics
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import simpy

from loadtest.sizing.simulation.caller import LEAST_WAITING, Caller, Limits
from loadtest.sizing.simulation.parameters import Cluster, Workload
from loadtest.sizing.simulation.replicas import Relay, Replica, Router, Stage
from loadtest.sizing.simulation.stations import Machine, Then, Worker, after

# The first requests find empty queues; they are not counted.
WARM_UP = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the requests.

    Attributes:
        requests: that were counted.
        refused: of them, because too many waited.
        seconds: of simulated time, counted.
        throughput: answers per second.
        latencies: of answers, in seconds, sorted.
        utilization: share of its time that each component worked: HAProxy, ingress, stages, nodes' cores.
        batch: mean requests in a call to the model.
        asked: share of calls to the model for which the router had to ask first.
    """

    requests: int
    refused: int
    seconds: float
    throughput: float
    latencies: Sequence[float]
    utilization: Mapping[str, float]
    batch: float
    asked: float

    def percentile(self, share: float) -> float:
        """Return the latency that this share of answers did not exceed, in seconds."""
        if not self.latencies:
            return 0.0
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    @property
    def mean(self) -> float:
        """Mean latency in seconds."""
        return statistics.fmean(self.latencies) if self.latencies else 0.0


def simulate_rate(
    workload: Workload, cluster: Cluster, *, rate: float, requests: int, seed: int = 1
) -> Outcome:  # fmt: skip
    """Let requests come at random times, whatever becomes of them (open loop, Poisson).

    Args:
        workload: what they cost.
        cluster: where.
        rate: requests per second.
        requests: how many; the first fifth is not counted.
        seed: of the random numbers.
    """
    plane = _Plane(workload, cluster, rate, seed, client_seconds=0.0)
    plane.env.process(plane.arrivals(rate, requests))
    plane.env.run()
    return plane.outcome()


def simulate_clients(
    workload: Workload, cluster: Cluster, *, clients: int, requests: int, client_seconds: float, seed: int = 1
) -> Outcome:
    """Let each client send its next request when it has its answer (closed loop).

    Args:
        workload: what requests cost.
        cluster: where.
        clients: requests that are out.
        requests: how many in all.
        client_seconds: CPU of the client for each; it runs on the first node.
        seed: of the random numbers.
    """
    plane = _Plane(workload, cluster, 1.0, seed, client_seconds)
    plane.clients(clients, requests)
    plane.env.run()
    return plane.outcome()


class _Plane:
    """The processes of a cluster, and what is known of their requests."""

    def __init__(
        self, workload: Workload, cluster: Cluster, rate: float, seed: int, client_seconds: float
    ) -> None:  # fmt: skip
        self.env = simpy.Environment()
        self._workload = workload
        self._cluster = cluster
        self._rate = rate
        self._random = random.Random(seed)
        self._machines = [Machine(self.env, cluster.cores) for _ in range(cluster.nodes)]
        self._client = Worker(self._machines[0])
        self._client_seconds = client_seconds
        self._haproxy = [Worker(machine, cluster.haproxy_threads) for machine in self._machines]
        self._model = [self._replica(worker) for worker in self._spread(cluster.replicas)]
        self._preprocess: list[Relay] = []
        self._onward: list[Caller] = []
        self._doors = self._ingress()
        self._open = [0] * len(self._doors)
        self._answered = self._sent = self._counted = self._refused = self._warm = 0
        self._latencies: list[float] = []
        self._begun = self._ended = 0.0
        self._marks: dict[str, float] = {}

    def arrivals(self, rate: float, requests: int) -> Generator[simpy.Event, None, None]:
        """Send so many requests."""
        self._warm = int(requests * WARM_UP)
        for _ in range(requests):
            yield self.env.timeout(self._random.expovariate(rate))
            self._send(lambda: None)
        self._stop()

    def clients(self, clients: int, requests: int) -> None:
        """Keep so many requests out."""
        self._warm = int(requests * WARM_UP)

        def again() -> None:
            if self._sent < requests:
                self._client.do(self._client_seconds, lambda: self._send(again))
            elif not self._ended:
                self._stop()

        for _ in range(clients):
            again()

    def outcome(self) -> Outcome:
        """Say what became of them."""
        seconds = self._ended - self._begun
        answered = sorted(self._latencies)
        callers = self._callers_of_the_model()
        calls, items = sum(each.calls for each in callers), sum(each.items for each in callers)
        return Outcome(
            requests=self._counted,
            refused=self._refused,
            seconds=seconds,
            throughput=self._marks["answered"] / seconds,
            latencies=answered,
            utilization={name: self._marks[name] / seconds for name in self._busy()},
            batch=items / calls if calls else 0.0,
            asked=sum(each.router.asked for each in callers) / calls if calls else 0.0,
        )

    def _busy(self) -> Mapping[str, float]:
        """Return the mean seconds that one of each component has worked; of a thread or core where it has several."""
        cluster = self._cluster
        busy = {
            "HAProxy": _mean(self._haproxy) / cluster.haproxy_threads,
            "ingress": _mean([worker for worker, _ in self._doors]),
            "model replicas": _mean([replica.worker for replica in self._model]),
            "nodes' cores": _mean(self._machines) / cluster.cores,
        }
        if self._preprocess:
            busy["preprocess"] = _mean([replica.worker for replica in self._preprocess])
            busy["decoders"] = _mean([replica.threads for replica in self._preprocess]) / cluster.decoders
        return busy

    def _mark(self, sign: int) -> None:
        for name, value in {**self._busy(), "answered": float(self._answered)}.items():
            self._marks[name] = self._marks.get(name, 0.0) + sign * value

    def _stop(self) -> None:
        self._ended = self.env.now
        self._mark(1)

    def _send(self, then: Then) -> None:
        self._sent += 1
        is_counted = self._sent > self._warm
        if self._sent == self._warm + 1:
            self._begun = self.env.now
            self._mark(-1)
        self._counted += is_counted
        haproxy = self._random.choice(self._haproxy)
        arrived = self.env.now
        haproxy.do(self._vary(self._workload.haproxy), lambda: self._enter(arrived, is_counted, then))

    def _enter(self, arrived: float, is_counted: bool, then: Then) -> None:  # noqa: FBT001
        """HAProxy's choice is the ingress replica with the fewest connections."""
        number = min(range(len(self._open)), key=self._open.__getitem__)
        self._open[number] += 1
        worker, caller = self._doors[number]

        def answered() -> None:
            self._open[number] -= 1
            self._answered += 1
            if is_counted:
                self._latencies.append(self.env.now - arrived + self._cluster.network)
            then()

        def submitted() -> None:
            if not caller.submit(answered):
                self._open[number] -= 1
                self._refused += is_counted
                then()

        after(self.env, self._cluster.network,
              lambda: worker.do(self._vary(self._workload.ingress), submitted))  # fmt: skip

    def _ingress(self) -> list[tuple[Worker, Caller]]:
        cluster, workload = self._cluster, self._workload
        stage: Sequence[Stage] = self._model
        items = workload.max_items
        if workload.preprocess:
            stage = self._preprocess = self._preprocessors()
            items = workload.preprocess_items
        calls = cluster.calls(len(stage), cluster.ingress)
        limits = Limits(items, calls, max_waiting=max(LEAST_WAITING, calls * items))
        return [
            (worker, self._caller(worker, stage, limits, cluster.ingress)) for worker in self._spread(cluster.ingress)
        ]

    def _preprocessors(self) -> list[Relay]:
        cluster, workload = self._cluster, self._workload
        limits = Limits(workload.max_items, cluster.calls(cluster.replicas, cluster.preprocess))
        replicas = []
        for worker, threads in zip(
            self._spread(cluster.preprocess), self._spread(cluster.preprocess, cluster.decoders), strict=True
        ):
            onward = self._caller(worker, self._model, limits, cluster.preprocess)
            self._onward.append(onward)
            replicas.append(
                Relay(
                    worker,
                    threads,
                    call_seconds=self._callee_seconds,
                    item_seconds=self._preprocess_seconds,
                    onward=onward.submit,
                )
            )
        return replicas

    def _caller(self, worker: Worker, stage: Sequence[Stage], limits: Limits, callers: int) -> Caller:
        cluster = self._cluster
        age = len(stage) * callers / self._rate
        router = Router(self.env, stage, cluster.network, cluster.cache_seconds, cluster.probe, age, self._random)
        return Caller(worker, router, limits, self._workload.caller)

    def _replica(self, worker: Worker) -> Replica:
        return Replica(worker, self._model_seconds, joined=self._workload.joined)

    def _model_seconds(self, calls: int, items: int) -> float:
        workload = self._workload
        return self._vary(workload.callee * calls + workload.batch + workload.item * items)

    def _callee_seconds(self) -> float:
        return self._vary(self._workload.callee)

    def _preprocess_seconds(self) -> float:
        return self._vary(self._workload.preprocess)

    def _vary(self, seconds: float) -> float:
        spread = self._workload.variation
        return seconds * self._random.gammavariate(spread**-2, spread**2) if spread else seconds

    def _spread(self, workers: int, threads: int = 1) -> list[Worker]:
        """Put one process after the other on the nodes."""
        return [Worker(self._machines[number % len(self._machines)], threads) for number in range(workers)]

    def _callers_of_the_model(self) -> Sequence[Caller]:
        return self._onward or [caller for _, caller in self._doors]


def _mean(parts: Sequence[Worker] | Sequence[Machine]) -> float:
    return statistics.fmean(part.busy_seconds for part in parts)
