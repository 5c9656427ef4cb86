"""A simulated cluster as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from loadtest.report import Report
from loadtest.sizing.simulation.control_plane import ControlOutcome
from loadtest.sizing.simulation.data_plane import Outcome
from loadtest.sizing.simulation.paper import Paper, Start
from loadtest.sizing.simulation.parameters import Cluster

# From here on, what waits grows faster than what is answered.
FULL = 0.95

# A simulation should last for many requests one after the other.
LONGEST = 0.2


def utilizations(simulated: Outcome, control: ControlOutcome, paper: Paper) -> Mapping[str, float]:
    """Return how busy each component is: as simulated, and GCS as on paper."""
    return {**simulated.utilization, "controller": control.utilization, "GCS": paper.utilization["GCS"]}


def simulation_tables(
    name: str, cluster: Cluster, rate: float, *, simulated: Outcome, control: ControlOutcome, paper: Paper, start: Start
) -> list[Report]:
    """Return the components, and what requests see."""
    busy = utilizations(simulated, control, paper)
    rows = [
        [component, f"{paper.utilization[component]:.1%}", f"{share:.1%}", _most(paper.most[component])]
        for component, share in sorted(busy.items(), key=lambda each: each[1], reverse=True)
    ]
    first = max(busy, key=busy.__getitem__)
    title = (
        f"{name}: {cluster.nodes} nodes, {cluster.replicas:,} replicas, {cluster.ingress} of the ingress, {rate:,.0f}/s"
    )
    columns = ["Component", "Busy, on paper", "Busy, simulated", "Full at requests/s"]
    most = {component: None if math.isinf(value) else value for component, value in paper.most.items()}
    data = {
        "cluster": asdict(cluster),
        "rate": rate,
        "paper": {"batch": paper.batch, "utilization": dict(paper.utilization), "most": most},
        "utilization": dict(busy),
        "bottleneck": first,
    }
    notes = [f"First bottleneck: {first}, {busy[first]:.0%} busy.", *_warnings(busy, simulated), _start_line(start)]
    return [Report(title, columns, rows, notes, data), _latency_table(simulated, rate, control)]


def paper_table(name: str, cells: Sequence[tuple[Cluster, Paper]]) -> Report:
    """Return several clusters, on paper: the rate at which the first component of a request's way is full."""
    rows = []
    for cluster, paper in cells:
        first = min(paper.most, key=paper.most.__getitem__)
        rows.append(
            [
                f"{cluster.nodes} x {cluster.cores} cores",
                f"{cluster.replicas:,}",
                f"{cluster.ingress}",
                f"{paper.most[first]:,.0f}",
                first,
                f"{paper.utilization['controller']:.1%}",
                f"{paper.utilization['GCS']:.2%}",
            ]
        )
    columns = ["Nodes", "Replicas", "Ingress", "Requests/s at the most", "First full", "Controller busy", "GCS busy"]
    return Report(f"On paper: {name}", columns, rows, ["With calls as full as they may be."])


def _latency_table(simulated: Outcome, rate: float, control: ControlOutcome) -> Report:
    figures = {f"p{share:g}": simulated.percentile(share / 100) * 1000 for share in (50, 90, 99, 99.9)}
    rows = [[
        f"{rate:,.0f}", f"{simulated.throughput:,.0f}", *(f"{value:,.1f}" for value in figures.values()),
        f"{simulated.refused:,}", f"{simulated.batch:.1f}", f"{simulated.asked:.0%}",
    ]]  # fmt: skip
    columns = ["Requests/s", "Answered/s", *(f"{name} ms" for name in figures), "Refused", "Requests a call",
               "Router asked first"]  # fmt: skip
    turn, late = control.turn * 1000, control.delay(0.99) * 1000
    notes = [
        f"{simulated.requests:,} requests counted, {simulated.seconds:.2f} s of simulated time.",
        f"Controller: a turn every {turn:,.0f} ms, reports of load {late:,.0f} ms late at p99.",
    ]
    data = {"latency_ms": figures, "throughput": simulated.throughput, "refused": simulated.refused,
            "batch": simulated.batch, "counted": simulated.requests, "seconds": simulated.seconds,
            "turn_seconds": control.turn, "report_delay_p99_seconds": control.delay(0.99)}  # fmt: skip
    return Report("Requests", columns, rows, notes, data)


def _warnings(busy: Mapping[str, float], simulated: Outcome) -> list[str]:
    found = []
    if busy["controller"] >= FULL:
        found.append("The controller is full: replicas come late and load is seen late, but requests go on.")
    full = [name for name, share in busy.items() if share >= FULL and name not in {"controller", "GCS"}]
    if full:
        found.append(f"Full: {', '.join(full)}. Latency is that of a queue which grows as long as the load lasts.")
    elif simulated.percentile(0.99) > LONGEST * simulated.seconds:
        found.append("Requests take long beside the simulated time: give more --requests.")
    return found


def _start_line(start: Start) -> str:
    return (
        f"Starting all replicas takes at least {start.actors:.1f} s until GCS has started the actors, and "
        f"{start.lookups:.1f} s of GCS for handles to look them up, {start.broadcasts:.1f} s of the controller to tell "
        "everybody."
    )


def _most(rate: float) -> str:
    return "does not depend" if math.isinf(rate) else f"{rate:,.0f}"
