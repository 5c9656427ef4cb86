"""How throughput grows with nodes, and what it costs when the replica is on another one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from loadtest import loads, wrk
from loadtest.configs import Config, arguments
from loadtest.loads import Load
from loadtest.options import Stage
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.scale.cluster import RunningCluster, cluster
from loadtest.scale.replicas import cpu_cells
from loadtest.scale.stages import AT_ONCE, WAITING, fixed, product_config, waiting_config
from loadtest.spread import spread
from loadtest.throughput import checked

WARM_UP_SECONDS = 3
ALONE, MANY = 1, 64

Doors = Literal["first", "every"]


@dataclass(frozen=True, slots=True)
class NodesPoint:
    """One number of nodes, asked in one way.

    Attributes:
        nodes: how many.
        doors: whether requests went to the first node's proxy or to every node's in equal parts.
        placement: replicas of the model on each node.
        ingress: replicas of the ingress on each node.
        proxies: nodes that have one.
        rounds: what was measured.
    """

    nodes: int
    doors: Doors
    placement: str
    ingress: str
    proxies: int
    rounds: list[Load] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A way through two nodes.

    Attributes:
        name: where door, ingress and model are.
        alone: runs with one client.
        many: runs with many.
    """

    name: str
    alone: list[Load] = field(default_factory=list)
    many: list[Load] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class What:
    """What runs on the nodes.

    Attributes:
        stage: FAQ, or the one that waits.
        config: the product's.
        payloads: questions.
        wait_ms: of the stage that waits.
        per_node: replicas of the stage on each node.
        clients: requests out at any time, for each node.
    """

    stage: Stage
    config: Config
    payloads: list[Payload]
    wait_ms: float
    per_node: int
    clients: int

    def on(self, nodes: int) -> tuple[Config, str]:
        """Return the config for so many nodes, and the model's deployment."""
        scaling = fixed(self.per_node * nodes, max_replicas_per_node=self.per_node)
        ingress = fixed(nodes, max_replicas_per_node=1)
        if self.stage is Stage.WAITING:
            scaling["max_concurrent_requests"] = AT_ONCE[self.stage]
            return waiting_config(self.wait_ms, scaling, ingress=ingress), f"{WAITING}-1"
        config, deployment = product_config(self.config, self.stage, scaling)
        arguments(config)["ingress"]["scaling"] |= ingress
        # The proxies are the cluster's.
        return {"applications": config["applications"]}, deployment


def measure(
    what: What, counts: Sequence[int], *, environment: Mapping[str, str], seconds: float, rounds: int
) -> list[Report]:
    """Load clusters of several sizes, all of them in each round, then one of two nodes across them.

    Args:
        what: runs on the nodes.
        counts: of nodes.
        environment: of `product_environment`.
        seconds: length of each measurement.
        rounds: how many.

    Raises:
        BenchmarkError: a cluster or wrk failed.
    """
    wrk.wrk_path()
    points: dict[tuple[int, Doors], NodesPoint] = {}
    for _ in range(rounds):
        for count in counts:
            config, deployment = what.on(count)
            with cluster(config, nodes=count, environment=environment) as running:
                _load(points, running, deployment, what, seconds)
    crossings = _cross(what.payloads, environment=environment, seconds=seconds, rounds=rounds)
    return [report(list(points.values()), what), crossing_report(crossings)]


def _load(
    points: dict[tuple[int, Doors], NodesPoint], running: RunningCluster, deployment: str, what: What, seconds: float
) -> None:
    """Ask the first door, and where there are several all of them."""
    model = deployment.rpartition("-")[0]
    checked(running.service, model, what.payloads)
    every = [f"{door}/{model}/score" for door in running.doors.values()]
    nodes, clients = running.nodes, what.clients * running.nodes
    ways: list[tuple[Doors, list[str]]] = [("first", every[:1]), ("every", every)]
    wrk.run(every[0], what.payloads, connections=clients, seconds=WARM_UP_SECONDS)
    for doors, urls in ways[: 2 if nodes > 1 else 1]:
        ours = NodesPoint(nodes, doors, running.placement(deployment), running.placement("ingress"), len(every))
        load = loads.load(running.service.processes, urls, what.payloads, connections=clients, seconds=seconds)
        points.setdefault((nodes, doors), ours).rounds.append(load)


def _cross(payloads: list[Payload], *, environment: Mapping[str, str], seconds: float, rounds: int) -> list[Crossing]:
    """Ask a model that does nothing on the node of the ingress, and on another one, by both nodes' proxies."""
    found: dict[str, Crossing] = {}
    for _ in range(rounds):
        for node in (0, 1):
            places = {"place": f"node-{node}", "ingress_place": "node-0"}
            config = waiting_config(0, fixed(1, max_concurrent_requests=AT_ONCE[Stage.FAQ]), places=places)
            with cluster(config, nodes=2, environment=environment) as running:
                for number, door in running.doors.items():
                    name = crossing_name(number, node)
                    crossing = found.setdefault(name, Crossing(name))
                    url = f"{door}/{WAITING}/score"
                    wrk.run(url, payloads, connections=MANY, seconds=WARM_UP_SECONDS)
                    for clients, runs in ((ALONE, crossing.alone), (MANY, crossing.many)):
                        runs.append(
                            loads.load(running.service.processes, [url], payloads, connections=clients, seconds=seconds)
                        )
    return sorted(found.values(), key=lambda each: each.name.count("other"))


def crossing_name(door: int, model: int) -> str:
    """Name a way by where its parts are, beside the ingress."""
    where = {0: "same node", 1: "other node"}
    return f"door on the {where[door]}, model on the {where[model]}"


def report(points: Sequence[NodesPoint], what: What) -> Report:
    """Put sizes of the cluster into a table."""
    first = points[0]
    columns = [
        "Nodes", "Doors asked", "Doors there", "Model replicas by node", "Ingress replicas by node", "Requests/s",
        "Times the first", "p50 ms", "p99 ms", "Errors", "CPU ms a request", "of it HAProxy", "ingress", "models",
        "Ray",
    ]  # fmt: skip
    rates = [each.result.requests_per_second for each in first.rounds]
    rows = [
        [
            str(point.nodes),
            point.doors,
            str(point.proxies),
            point.placement,
            point.ingress,
            spread([each.result.requests_per_second for each in point.rounds]).text(0),
            _times([each.result.requests_per_second for each in point.rounds], rates),
            spread([each.result.p50_ms for each in point.rounds]).text(),
            spread([each.result.p99_ms for each in point.rounds]).text(),
            str(sum(each.result.errors for each in point.rounds)),
            *cpu_cells(point.rounds),
        ]
        for point in points
    ]
    named = f"waiting, {what.wait_ms:g} ms a request" if what.stage is Stage.WAITING else what.stage.value
    return Report(
        f"Growth with nodes ({named}, {what.per_node} replicas and {what.clients} clients for each node)",
        columns,
        rows,
        [
            (
                f"Median of {len(first.rounds)} rounds of {first.rounds[0].result.seconds:.0f} s (lowest-highest). "
                "Where several doors were asked, each by a wrk of its own, latencies are those of the slowest."
            ),
            (
                f"All nodes are processes of one machine with {len(os.sched_getaffinity(0))} cores: no network lies "
                "between them, and what Ray itself takes grows with each. What is seen is whether the work spreads, "
                "not what more machines bring."
            ),
        ],
        {"points": [asdict(each) for each in points]},
    )


def crossing_report(crossings: Sequence[Crossing]) -> Report:
    """Put the ways through two nodes into a table."""
    columns = [
        "Way, beside the ingress", "p50 ms", "p99 ms", f"Requests/s at {MANY}", "p50 ms", "p99 ms",
        "CPU ms a request", "of it HAProxy", "ingress", "models", "Ray", "Errors",
    ]  # fmt: skip
    rows = [
        [
            each.name,
            spread([load.result.p50_ms for load in each.alone]).text(2),
            spread([load.result.p99_ms for load in each.alone]).text(2),
            spread([load.result.requests_per_second for load in each.many]).text(0),
            spread([load.result.p50_ms for load in each.many]).text(),
            spread([load.result.p99_ms for load in each.many]).text(),
            *cpu_cells(each.many),
            str(sum(load.result.errors for load in [*each.alone, *each.many])),
        ]
        for each in crossings
    ]
    note = (
        f"A model that does nothing; first latencies with one client, the others with {MANY}. A network between nodes "
        "adds its round trip to every crossing."
    )
    return Report("What it costs when the replica is on another node", columns, rows, [note])


def _times(rates: Sequence[float], first: Sequence[float]) -> str:
    times = [ours / theirs for ours, theirs in zip(rates, first, strict=True) if theirs]
    return spread(times).text(2) if times else "-"
