"""What the model of a large cluster is made of. docs/scale-model.md says where each figure comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """What one request costs, in seconds of one core.

    Attributes:
        haproxy: of HAProxy, for a request.
        ingress: of an ingress replica, for a request, calls aside.
        caller: of whoever makes a call to a stage, whatever the call carries.
        callee: of whoever gets it.
        batch: of the model, for a call.
        item: of the model, for each request in it.
        max_items: requests in a call to the model at the most.
        preprocess: of a stage before the model, for a request; 0: there is none.
        preprocess_items: requests in a call to that stage at the most.
        joined: requests that a model replica takes at once from several calls; 1: each call for itself.
        variation: coefficient of variation of all these; 0: always the same, 1: exponential.
    """

    haproxy: float
    ingress: float
    caller: float
    callee: float
    batch: float
    item: float
    max_items: int
    preprocess: float = 0.0
    preprocess_items: int = 16
    joined: int = 1
    variation: float = 0.0

    def served(self, items: float) -> float:
        """Return the seconds that a model replica takes for a call of so many requests."""
        return self.callee + self.batch + self.item * items


# Costs of a call and of the model are those measured in the product's own processes. `faq-scikit-learn` is what its
# coalescing was measured with; a test holds the simulation against that.
WORKLOADS: Mapping[str, Workload] = {
    "faq": Workload(
        haproxy=0.0001, ingress=0.0003, caller=0.0007, callee=0.0006, batch=0.00005, item=0.0001, max_items=32
    ),
    "faq-scikit-learn": Workload(
        haproxy=0.0001, ingress=0.0003, caller=0.0010, callee=0.00092, batch=0.00115, item=0.00023, max_items=32
    ),
    "image": Workload(
        haproxy=0.0003, ingress=0.0020, caller=0.0010, callee=0.00092, batch=0.0, item=0.110, max_items=4,
        preprocess=0.0035,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes, and what runs on them, spread evenly.

    Attributes:
        nodes: that hold replicas; the head is one more.
        cores: of each.
        replicas: of the model.
        ingress: replicas of the ingress.
        preprocess: replicas of the stage before the model, where the workload has one.
        decoders: threads of each that decode.
        haproxy_threads: of HAProxy on each node.
        network: seconds from one process to another on another node.
        calls_per_replica: calls that may be out for each replica of the called stage.
        shared_calls: whether all callers together keep to that, or each for itself, as the product does.
        cache_seconds: how long a router trusts what it knows of a replica's queue.
        probe: seconds to ask a replica for the length of its queue.
    """

    nodes: int
    cores: int
    replicas: int
    ingress: int
    preprocess: int = 1
    decoders: int = 2
    haproxy_threads: int = 4
    network: float = 0.0002
    calls_per_replica: int = 2
    shared_calls: bool = False
    cache_seconds: float = 10.0
    probe: float = 0.001

    def calls(self, replicas: int, callers: int) -> int:
        """Return how many calls one caller may have out to a stage."""
        calls = self.calls_per_replica * replicas
        return max(1, calls // callers) if self.shared_calls else calls


@dataclass(frozen=True, slots=True)
class Control:
    """What Ray Serve's controller and Ray's GCS spend, in seconds of one core; both are on the head.

    Attributes:
        interval: the controller's pause between two turns of its loop; the product sets it.
        turn: of a turn, whatever there is.
        turn_replica: of a turn, for each replica: walks over all of them.
        turn_checked: of a turn, for each replica whose health is looked at in it.
        sweep: the share of the health check's period in which each replica is looked at once.
        turn_node: of a turn, for each node's proxy.
        health_period: seconds between two health checks of a replica; the product sets it.
        health: of the controller, to send one.
        report_period: seconds between two reports of a replica's load; the product sets it.
        report: of the controller, for a report.
        listener: of the controller, to tell one handle or proxy of a change.
        listener_replica: of the same, for each replica that it tells of.
        node_reports: messages of a node to GCS in a second.
        gcs_message: of GCS, for one.
        lookups: messages to GCS for each new replica of each handle.
        actors_per_second: that GCS starts.
    """

    interval: float = 0.2
    turn: float = 0.001
    turn_replica: float = 0.000030
    turn_checked: float = 0.000082
    sweep: float = 0.5
    turn_node: float = 0.00005
    health_period: float = 3.0
    health: float = 0.0005
    report_period: float = 1.0
    report: float = 0.00024
    listener: float = 0.00024
    listener_replica: float = 0.000005
    node_reports: float = 10.0
    gcs_message: float = 0.00005
    lookups: float = 2.0
    actors_per_second: float = 509.0
