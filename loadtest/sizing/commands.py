"""`scoring size`: replicas, nodes and money for wanted rates; large clusters, simulated."""

# Each command imports what it needs when it runs, so that `scoring` itself starts at once.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loadtest.errors import BenchmarkError
from loadtest.options import Json, Markdown

if TYPE_CHECKING:
    from loadtest.report import Report
    from loadtest.sizing.node_types import NodeTypes
    from loadtest.sizing.simulation.parameters import Workload

app = typer.Typer(invoke_without_command=True)

NodeFile = Annotated[
    Path | None, typer.Option("--node-types", help="YAML with your machines and prices, as node_types.yaml has them.")
]
CpuNode = Annotated[str, typer.Option(help="Machine of nodes without a GPU.")]
GpuNode = Annotated[str, typer.Option(help="Machine of nodes with GPUs.")]
Each = list[str] | None

_CPU_NODE = "Standard_D8ds_v5"
_GPU_NODE = "Standard_NC4as_T4_v3"

_FEWEST_REQUESTS, _MOST_REQUESTS = 40_000, 200_000


def _in_one_sentence(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def safe(**options: Any) -> None:
        try:
            command(**options)
        except BenchmarkError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from None

    return safe


@app.callback()
@_in_one_sentence
def size(
    *,
    context: typer.Context,
    rate: Annotated[Each, typer.Option(help="Peak requests/s: NAME=RATE, or RATE for all.  [required]")] = None,
    model: Annotated[
        Each, typer.Option(help="NAME=FILE as `scoring loadtest capacity` writes it; NAME alone: not measured.")
    ] = None,
    seconds_per_request: Annotated[
        Each, typer.Option(help="NAME=SECONDS that a replica takes for one request; else as measured.")
    ] = None,
    utilization: Annotated[float, typer.Option(min=0.01, max=1, help="Wanted share of busy slots.")] = 0.7,
    requests_per_replica: Annotated[
        Each, typer.Option(help="NAME=N that a replica works on at once.  [default: 1]")
    ] = None,
    p99_ms: Annotated[Each, typer.Option(help="NAME=MS: another target than that of the measurement.")] = None,
    cpu: Annotated[Each, typer.Option(help="NAME=CORES that a replica asks for.  [default: 1]")] = None,
    memory: Annotated[Each, typer.Option(help="NAME=GIB that a replica asks for.  [default: 2]")] = None,
    gpu: Annotated[Each, typer.Option(help="NAME of a model whose replicas have one GPU each.")] = None,
    ingress_seconds: Annotated[
        Each, typer.Option(help="NAME=SECONDS of CPU in the ingress, where not measured.  [default: 0.0013]")
    ] = None,
    preprocess_seconds: Annotated[
        Each, typer.Option(help="NAME=SECONDS of CPU in a stage before the model.  [default: no such stage]")
    ] = None,
    growth: Annotated[float, typer.Option(min=0, help="Share by which load may grow in a minute.")] = 0,
    scale_up_seconds: Annotated[float, typer.Option(min=0, help="Until an added replica answers.")] = 60,
    spare_replicas: Annotated[int, typer.Option(min=0, help="Of each stage, beside those needed.")] = 0,
    spare_nodes: Annotated[int, typer.Option(min=0, help="Of each type, that may be lost at once.")] = 0,
    average: Annotated[float, typer.Option(min=0.001, max=1, help="Mean rate as a share of the peak.")] = 1,
    cpu_node: CpuNode = _CPU_NODE,
    gpu_node: GpuNode = _GPU_NODE,
    node_types: NodeFile = None,
    json: Json = None,
    markdown: Markdown = False,
) -> None:
    """Turn wanted rates into replicas, cores, GPUs, nodes and money: by the references' formula and as measured."""
    if context.invoked_subcommand is not None:
        return
    from loadtest.sizing.asked import Asked, demands_of
    from loadtest.sizing.demand import curve_need, formula_need
    from loadtest.sizing.formula import Headroom
    from loadtest.sizing.node_types import read_node_types
    from loadtest.sizing.plan import Cluster, make_plan
    from loadtest.sizing.tables import cost_table, replica_table

    types = read_node_types(node_types)
    cluster = Cluster(types, types.named(cpu_node), types.named(gpu_node), spare_nodes, spare_replicas, average)
    asked = Asked(
        rate=rate,
        model=model,
        seconds_per_request=seconds_per_request,
        requests_per_replica=requests_per_replica,
        p99_ms=p99_ms,
        cpu=cpu,
        memory=memory,
        gpu=gpu,
        ingress_seconds=ingress_seconds,
        preprocess_seconds=preprocess_seconds,
    )
    demands = demands_of(asked, utilization=utilization, headroom=Headroom(growth, scale_up_seconds))
    formula = make_plan(demands, cluster, formula_need)
    curve = None
    plans = {"formula": formula}
    if any(demand.capacity for demand in demands):
        # Where one model was not measured, its formula stands in, as its row says.
        curve = make_plan(demands, cluster, lambda demand: curve_need(demand) or formula_need(demand))
        plans["measured curve"] = curve
    _show([replica_table(demands, formula, curve), cost_table(plans, cluster)], json, markdown=markdown)


@app.command()
@_in_one_sentence
def gpu(
    *,
    on_cpu: Annotated[Path, typer.Option("--cpu", help="Capacity file of the model on a CPU machine.")],
    on_gpu: Annotated[Path, typer.Option("--gpu", help="Capacity file of the model with one GPU for each replica.")],
    cpu_node: CpuNode = _CPU_NODE,
    gpu_node: GpuNode = _GPU_NODE,
    utilization: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the paid time with work.")] = 0.7,
    node_types: NodeFile = None,
    json: Json = None,
    markdown: Markdown = False,
) -> None:
    """Tell how many CPUs equal one GPU, and what a million requests cost on each."""
    from loadtest.sizing.capacity import read_capacity
    from loadtest.sizing.money import equivalence
    from loadtest.sizing.node_types import read_node_types
    from loadtest.sizing.tables import equivalence_table

    types = read_node_types(node_types)
    nodes = types.named(cpu_node), types.named(gpu_node)
    _check_gpu(types, gpu_node)
    cpu, with_gpu = read_capacity(on_cpu), read_capacity(on_gpu)
    found = equivalence(cpu, with_gpu, cpu_node=nodes[0], gpu_node=nodes[1], types=types, utilization=utilization)
    table = equivalence_table(
        cpu.model, found, cpu_node=nodes[0], gpu_node=nodes[1], types=types, utilization=utilization
    )
    _show([table], json, markdown=markdown)


def _check_gpu(types: NodeTypes, name: str) -> None:
    if not types.named(name).gpus:
        raise BenchmarkError(f"{name} has no GPU: name a --gpu-node that has one.")


def _show(reports: Sequence[Report], json: Path | None, *, markdown: bool) -> None:
    """Print tables; all their figures go into one file."""
    from loadtest.report import Report, show

    for number, report in enumerate(reports):
        typer.echo("\n" * bool(number), nl=False)
        show(report, json_file=None, markdown=markdown, measured_here=False)
    if json is not None:
        together = Report(reports[0].title, [], [], data={report.title: report.data for report in reports})
        together.notes.extend(note for report in reports for note in report.notes)
        together.write(json, measured_here=False)


@app.command()
@_in_one_sentence
def simulate(
    *,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests per second.")],
    workload: Annotated[str, typer.Option(help="What requests cost: faq, faq-scikit-learn, image.")] = "faq",
    nodes: Annotated[int, typer.Option(min=1, help="With replicas; the head is one more.")] = 100,
    replicas: Annotated[int, typer.Option(min=1, help="Of the model.")] = 1000,
    cores: Annotated[int, typer.Option(min=1, help="Of each node.")] = 16,
    ingress: Annotated[int | None, typer.Option(min=1, help="Replicas.  [default: one a node]")] = None,
    preprocess: Annotated[int | None, typer.Option(min=1, help="Replicas, for image.  [default: one a node]")] = None,
    shared_calls: Annotated[
        bool, typer.Option("--shared-calls", help="All callers together have two calls out for a replica.")
    ] = False,
    requests: Annotated[
        int | None, typer.Option(min=1000, help="That are simulated.  [default: of 1 s, 40,000 to 200,000]")
    ] = None,
    health_period: Annotated[float, typer.Option(min=0.1, help="Seconds between health checks.")] = 3,
    report_period: Annotated[float, typer.Option(min=0.1, help="Seconds between reports of load.")] = 1,
    changing: Annotated[bool, typer.Option("--changing", help="Replicas come or go all the time.")] = False,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 1,
    json: Json = None,
    markdown: Markdown = False,
) -> None:
    """Simulate a large cluster: how busy each component is, latency, and the first bottleneck."""
    from loadtest.sizing.simulation.control_plane import simulate_control
    from loadtest.sizing.simulation.data_plane import simulate_rate
    from loadtest.sizing.simulation.paper import on_paper, start
    from loadtest.sizing.simulation.parameters import Cluster, Control
    from loadtest.sizing.simulation.tables import simulation_tables

    costs = _workload(workload)
    cluster = Cluster(
        nodes, cores, replicas, ingress or nodes, preprocess=preprocess or nodes, shared_calls=shared_calls
    )
    control, stages = Control(health_period=health_period, report_period=report_period), 2 if costs.preprocess else 1
    count = requests or min(_MOST_REQUESTS, max(_FEWEST_REQUESTS, round(rate)))
    tables = simulation_tables(
        workload,
        cluster,
        rate,
        simulated=simulate_rate(costs, cluster, rate=rate, requests=count, seed=seed),
        control=simulate_control(cluster, control, stages=stages, changing=changing, seed=seed),
        paper=on_paper(costs, cluster, control, rate=rate),
        start=start(cluster, control, stages=stages),
    )
    _show(tables, json, markdown=markdown)


@app.command()
@_in_one_sentence
def paper(
    *,
    workload: Annotated[str, typer.Option(help="What requests cost: faq, faq-scikit-learn, image.")] = "faq",
    cores: Annotated[int, typer.Option(min=1, help="Of each node.")] = 16,
    json: Json = None,
    markdown: Markdown = False,
) -> None:
    """Reckon clusters of 1 to 100 nodes and 10 to 1,000 replicas by formulas: how much, and what is full first."""
    from loadtest.sizing.simulation.paper import on_paper
    from loadtest.sizing.simulation.parameters import Cluster, Control
    from loadtest.sizing.simulation.tables import paper_table

    costs = _workload(workload)
    sizes = [(1, 10), (10, 10), (10, 100), (100, 100), (100, 1000)]
    clusters = [
        Cluster(nodes, cores, replicas, ingress, preprocess=nodes)
        for nodes, replicas in sizes
        for ingress in (nodes, 4 * nodes)
    ]
    cells = [(cluster, on_paper(costs, cluster, Control(), rate=cluster.nodes)) for cluster in clusters]
    _show([paper_table(workload, cells)], json, markdown=markdown)


def _workload(name: str) -> Workload:
    from loadtest.sizing.simulation.parameters import WORKLOADS

    if name not in WORKLOADS:
        raise BenchmarkError(f"There is no workload {name}; there are {', '.join(WORKLOADS)}.")
    return WORKLOADS[name]
