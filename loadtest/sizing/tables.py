"""Plans as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from loadtest.report import Report
from loadtest.sizing.demand import Demand, Need, explain
from loadtest.sizing.money import Equivalence
from loadtest.sizing.node_types import HOURS_PER_MONTH, NodeType, NodeTypes
from loadtest.sizing.plan import Cluster, Plan, pool_lines

NOT_MEASURED = "not measured"


def replica_table(demands: Sequence[Demand], formula: Plan, curve: Plan | None) -> Report:
    """Return the replicas of every stage, both ways side by side, and why they differ."""
    rows: list[list[str]] = []
    notes = ["Formula: replicas = ceil(requests/s x seconds per request / utilization / requests per replica)."]
    for number, demand in enumerate(demands):
        by_formula = formula.needs[number]
        by_curve = curve.needs[number] if curve and demand.capacity else None
        rows += _rows(demand, by_formula, by_curve)
        notes += _notes(demand, by_formula, by_curve)
    title = "Replicas by the formula and by the measured curve"
    columns = ["Stage", "Requests/s", "With headroom", "Formula: req/s each", "Formula: replicas", "Curve: req/s each",
               "Curve: replicas"]  # fmt: skip
    data = {
        "formula": [asdict(need) for need in formula.needs],
        "curve": [asdict(need) for need in curve.needs] if curve else None,
        "demands": [{"name": demand.name, "rate": demand.rate, "peak": demand.peak} for demand in demands],
    }
    return Report(title, columns, rows, notes, data)


def cost_table(plans: dict[str, Plan], cluster: Cluster) -> Report:
    """Return nodes and money of each plan."""
    currency = cluster.types.currency
    rows = [
        [
            name,
            f"{plan.cores:,.1f}",
            str(plan.gpus),
            ", ".join(f"{count} x {node}" for node, count in pool_lines(plan).items()),
            f"{plan.per_month:,.0f}",
            f"{plan.per_million:,.2f}",
        ]
        for name, plan in plans.items()
    ]
    columns = ["By", "Cores asked for", "GPUs", "Nodes", f"{currency} a month", f"{currency} per million requests"]
    data = {
        name: {"cores": plan.cores, "gpus": plan.gpus, "nodes": dict(pool_lines(plan)), "per_month": plan.per_month,
               "per_million": plan.per_million}
        for name, plan in plans.items()
    }  # fmt: skip
    return Report("Nodes and money", columns, rows, _terms(plans, cluster), data)


def equivalence_table(
    model: str, found: Equivalence, *, cpu_node: NodeType, gpu_node: NodeType, types: NodeTypes, utilization: float
) -> Report:
    """Return how many CPUs equal one GPU, and what a million requests cost on each."""
    rows = [
        ["one core", f"{found.cpu_per_core:,.1f}", cpu_node.name, f"{found.cpu_per_million:,.2f}"],
        ["one GPU", f"{found.gpu:,.1f}", gpu_node.name, f"{found.gpu_per_million:,.2f}"],
    ]
    cheaper = "GPU" if found.gpu_per_million < found.cpu_per_million else "CPU"
    part = f"A GPU cannot be had in parts: below {found.least_rate:,.1f} requests/s, CPUs cost less than one GPU."
    notes = [
        f"One GPU does what {found.cores:,.1f} cores do. Both busy, the {cheaper} is cheaper.",
        f"A GPU's hour is worth {types.currency} {found.price_limit:,.3f}: what those cores cost.",
        *([part] if cheaper == "GPU" else []),
        f"Both {utilization:.0%} busy on average. A GPU node's own cores must still decode and answer HTTP.",
        types.terms_line(),
    ]
    columns = ["", "Requests/s within p99", "Node", f"{types.currency} per million requests"]
    return Report(f"CPU or GPU: {model}", columns, rows, notes, asdict(found))


def _rows(demand: Demand, formula: Need, curve: Need | None) -> list[list[str]]:
    rate, peak = f"{demand.rate:,.1f}", f"{demand.peak:,.1f}"
    measured = [f"{curve.per_replica:,.1f}", f"{curve.replicas:,}"] if curve else [NOT_MEASURED, ""]
    around = "around the model" if curve and curve.ingress_is_measured else "ingress"
    rows = [
        [demand.name, rate, peak, f"{formula.per_replica:,.1f}", f"{formula.replicas:,}", *measured],
        [f"{demand.name} {around}", rate, peak, "", f"{formula.ingress:,}", "", f"{curve.ingress:,}" if curve else ""],
    ]
    if formula.preprocess:
        own = "in the line above" if curve and curve.ingress_is_measured else ""
        rows.append([f"{demand.name} preprocess", rate, peak, "", f"{formula.preprocess:,}", own,
                     f"{curve.preprocess:,}" if curve and not own else ""])  # fmt: skip
    return rows


def _notes(demand: Demand, formula: Need, curve: Need | None) -> list[str]:
    if curve is None or demand.capacity is None:
        missing = (
            f"{demand.name}: what a replica answers within p99 is missing, and so what waiting and batches "
            f"do to it; measure it with `scoring loadtest capacity` and give --model {demand.name}=FILE."
        )
        return [missing]
    target = demand.p99_ms or demand.capacity.p99_target_ms
    notes = [f"{explain(demand, formula, curve)} (p99 target {target:g} ms)"]
    if demand.capacity.reached_the_end(demand.p99_ms):
        notes.append(f"{demand.name}: the highest rate tried still kept p99; a replica may answer more.")
    if not curve.ingress_is_measured:
        notes.append(f"{demand.name}: no CPU figures were measured; the ingress is reckoned as by the formula.")
    return notes


def _terms(plans: dict[str, Plan], cluster: Cluster) -> list[str]:
    pools = {pool.type.name: pool for plan in plans.values() for pool in plan.pools}
    rooms = [
        f"{name} leaves {pool.room.cpu:.2f} of {pool.type.cores} cores and {pool.room.memory_gib:.1f} of "
        f"{pool.type.memory_gib:g} GiB for replicas"
        for name, pool in pools.items()
    ]
    kept = (
        f"Enough replicas are left when {cluster.spare_nodes} of the nodes of a type are lost."
        if cluster.spare_nodes
        else "The loss of a node leaves too few replicas: --spare-nodes 1 adds what that takes."
    )
    month = f"A month has {HOURS_PER_MONTH} hours; the mean rate is {cluster.average:.0%} of the peak."
    rest = "Nodes with replicas and Ray's head only: docs/aks.md has the rest."
    return ["; ".join(rooms) + ".", kept, f"{cluster.types.terms_line()} {month} {rest}"]
