"""The model on paper: how busy each component is, and what it can take at the most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.sizing.simulation.parameters import Cluster, Control, Workload


@dataclass(frozen=True, slots=True)
class Paper:
    """One cluster at one rate.

    Attributes:
        batch: requests in a call to the model.
        utilization: share of its time that each component works; above 1 it cannot.
        most: requests per second at which each component of a request's way is full, with calls as full as they may be;
            infinite for those whose work does not depend on the rate.
    """

    batch: float
    utilization: Mapping[str, float]
    most: Mapping[str, float]

    @property
    def bottleneck(self) -> str:
        """The busiest component."""
        return max(self.utilization, key=self.utilization.__getitem__)


def on_paper(workload: Workload, cluster: Cluster, control: Control, *, rate: float) -> Paper:
    """Reckon a cluster at a rate, in its steady state.

    Args:
        workload: what a request costs.
        cluster: where.
        control: what the control plane costs.
        rate: requests per second.
    """
    batch = calls_batch(workload, cluster, rate)
    full = request_utilization(workload, cluster, 1.0, float(workload.max_items))
    utilization = {
        **request_utilization(workload, cluster, rate, batch),
        "controller": controller_utilization(cluster, control, stages=2 if workload.preprocess else 1),
        "GCS": cluster.nodes * control.node_reports * control.gcs_message,
    }
    most = {name: 1 / share if share else math.inf for name, share in full.items()}
    return Paper(batch, utilization, {**most, "controller": math.inf, "GCS": math.inf})


def calls_batch(workload: Workload, cluster: Cluster, rate: float) -> float:
    """Return the requests in a call to the model: one, until ingress or replicas are full; then what relieves them.

    From rate (ingress + caller / batch) = ingress replicas, and rate ((callee + batch) / batch + item) = replicas.
    """
    own = rate / cluster.ingress
    calls_of_ingress = 0.0 if workload.preprocess else workload.caller
    batches = [1.0, _relief(own, workload.ingress, calls_of_ingress)]
    batches.append(_relief(rate / cluster.replicas, workload.item, workload.callee + workload.batch))
    return min(float(workload.max_items), max(batches))


def _relief(rate: float, each: float, call: float) -> float:
    """Return the batch at which rate (each + call / batch) is 1; infinite where none is large enough."""
    left = 1 - rate * each
    return rate * call / left if left > 0 else math.inf


def request_utilization(workload: Workload, cluster: Cluster, rate: float, batch: float) -> Mapping[str, float]:
    """Return how busy is what requests pass.

    Args:
        workload: what a request costs.
        cluster: where.
        rate: requests per second.
        batch: requests in a call to the model.
    """
    model = workload.served(batch) / batch
    ingress = workload.ingress + (workload.caller if workload.preprocess else workload.caller / batch)
    loop = (workload.callee + workload.caller / batch) if workload.preprocess else 0.0
    all_of_it = workload.haproxy + ingress + loop + workload.preprocess + model
    busy = {
        "HAProxy": rate * workload.haproxy / (cluster.nodes * cluster.haproxy_threads),
        "ingress": rate * ingress / cluster.ingress,
        "model replicas": rate * model / cluster.replicas,
        "nodes' cores": rate * all_of_it / (cluster.nodes * cluster.cores),
    }
    if workload.preprocess:
        busy["preprocess"] = rate * loop / cluster.preprocess
        busy["decoders"] = rate * workload.preprocess / (cluster.preprocess * cluster.decoders)
    return busy


def replicas_in_all(cluster: Cluster, stages: int) -> int:
    """Return the replicas that the controller looks after: of the model, the ingress, and preprocessing."""
    return cluster.replicas + cluster.ingress + (cluster.preprocess if stages > 1 else 0)


def turn_seconds(cluster: Cluster, control: Control, period: float, *, stages: int) -> float:
    """Return how long the body of a turn of the controller's loop works, health checks included.

    Args:
        cluster: with how many replicas and nodes.
        control: what each costs.
        period: seconds from one turn to the next.
        stages: between ingress and answer.
    """
    replicas = replicas_in_all(cluster, stages)
    looked_at = min(1.0, period / (control.sweep * control.health_period))
    checks = replicas * period / control.health_period * control.health
    walks = replicas * (control.turn_replica + control.turn_checked * looked_at)
    return control.turn + walks + cluster.nodes * control.turn_node + checks


def controller_utilization(cluster: Cluster, control: Control, *, stages: int) -> float:
    """Return the share of one core that Ray Serve's controller works; 1 and above: its turns come late.

    A turn, its pause, and the reports that come meanwhile share one event loop: with reports taking the share p of it,
    period = interval + turn(period) / (1 - p), which is linear in the period and solved here.
    """
    reports = replicas_in_all(cluster, stages) / control.report_period * control.report
    at_zero = turn_seconds(cluster, control, 0.0, stages=stages)
    slope = turn_seconds(cluster, control, 1e-3, stages=stages) / 1e-3 - at_zero / 1e-3
    left = 1 - reports
    if left <= slope:
        return reports + slope + at_zero / control.interval
    period = (control.interval + at_zero / left) / (1 - slope / left)
    return reports + turn_seconds(cluster, control, period, stages=stages) / period


@dataclass(frozen=True, slots=True)
class Start:
    """What the start of every replica at once takes at the least, in seconds.

    Attributes:
        actors: until GCS has started all actors.
        lookups: of GCS, for handles that ask for each new replica.
        broadcasts: of the controller, to tell everybody of each change of the set of replicas.
    """

    actors: float
    lookups: float
    broadcasts: float


def start(cluster: Cluster, control: Control, *, stages: int) -> Start:
    """Reckon the start of all replicas, with a broadcast after each turn in which some have come."""
    replicas = replicas_in_all(cluster, stages)
    actors = replicas / control.actors_per_second
    handles = cluster.ingress + (cluster.preprocess if stages > 1 else 0)
    turns = max(1.0, actors / control.interval)
    told = (handles + cluster.nodes) * (control.listener + control.listener_replica * cluster.replicas / 2)
    return Start(actors, handles * cluster.replicas * control.lookups * control.gcs_message, turns * told)
