"""`scoring image cost`: GPU or CPU, from what this machine measures and what hours cost."""

from __future__ import annotations

import json as json_module
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from deployments.destinations import check_file
from deployments.errors import StartupError
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.image_classifier.cost import Cost, Equivalence, Throughput

# The autoscaling's target_utilization, unless the settings say otherwise.
UTILIZATION = 0.7


@dataclass(frozen=True, slots=True)
class _Asked:
    architecture: str
    weights: str
    weights_uri: str | None
    model_dir: str | None
    price: dict[str, float]
    given: dict[str, float | None]
    cpu_cores: int | None
    utilization: float
    currency: str


@dataclass(frozen=True, slots=True)
class _Answer:
    cpu_cores: int
    throughput: dict[str, Throughput]
    cost: dict[str, Cost]
    equivalence: Equivalence

    @property
    def cheaper(self) -> str:
        """Which of both takes less for the same images."""
        return min(self.cost, key=lambda name: self.cost[name].per_million)


def cost(
    *,
    price_cpu: Annotated[float, typer.Option(help="Price of an hour of a machine with --cpu-cores.")],
    price_gpu: Annotated[float, typer.Option(help="Price of an hour of a machine with one GPU.")],
    architecture: Annotated[str, typer.Option(help="A classification model of torchvision.")] = "resnet152",
    weights: Annotated[str, typer.Option(help="Name in the architecture's weights; says how large images are.")] = (
        "DEFAULT"
    ),
    weights_uri: Annotated[
        str | None, typer.Option(help="State dict. Without one, weights are random: that is as fast.")
    ] = None,
    model_dir: Annotated[str | None, typer.Option(help="Converted model to measure on the CPU.")] = None,
    cpu_images_per_second: Annotated[
        float | None, typer.Option(help="Of a machine with --cpu-cores; is not measured then.")
    ] = None,
    cpu_cores: Annotated[int | None, typer.Option(help="Cores behind --cpu-images-per-second.")] = None,
    gpu_images_per_second: Annotated[float | None, typer.Option(help="Of one GPU; is not measured then.")] = None,
    utilization: Annotated[float, typer.Option(help="Share of the paid time that machines have work, to 1.")] = (
        UTILIZATION
    ),
    currency: Annotated[str, typer.Option(help="Of the prices.")] = "EUR",
    json: Annotated[Path | None, typer.Option(help="File for every figure as JSON.")] = None,
) -> None:
    """Tell what a million images cost on a CPU and on a GPU, and how many CPUs equal one GPU."""
    given = {"cpu": cpu_images_per_second, "gpu": gpu_images_per_second}
    price = {"cpu": price_cpu, "gpu": price_gpu}
    asked = _Asked(architecture, weights, weights_uri, model_dir, price, given, cpu_cores, utilization, currency)
    with refusals(json, extra="torch,openvino"):
        _check(asked)
        if json is not None:
            check_file(json)
        answer = _answer(asked)
        if json is not None:
            json.write_text(json_module.dumps(_figures(asked, answer), indent=1) + "\n", encoding="utf-8")
    _show(asked, answer)


def _check(asked: _Asked) -> None:
    figures = {
        "--price-cpu": asked.price["cpu"],
        "--price-gpu": asked.price["gpu"],
        "--cpu-images-per-second": asked.given["cpu"],
        "--gpu-images-per-second": asked.given["gpu"],
        "--cpu-cores": asked.cpu_cores,
        "--utilization": asked.utilization,
    }
    for name, figure in figures.items():
        if figure is not None and not (math.isfinite(figure) and figure > 0):
            raise StartupError(f"{name} must be above 0, not {figure:g}.")
    if asked.utilization > 1:
        raise StartupError(f"--utilization must be at most 1, not {asked.utilization:g}: a share, as in 0.7.")
    if (asked.given["cpu"] is None) != (asked.cpu_cores is None):
        raise StartupError(
            "--cpu-images-per-second and --cpu-cores go together: give both, or none to measure this machine."
        )


def _answer(asked: _Asked) -> _Answer:
    from deployments.image_classifier.cost import cost, equivalence
    from deployments.image_classifier.engines.devices import usable_cpus

    cpu_cores = usable_cpus(asked.cpu_cores)
    throughput = _throughput(asked)
    cpu, gpu = (throughput[name].images_per_second for name in ("cpu", "gpu"))
    costs = {name: cost(each.images_per_second, asked.price[name], asked.utilization)
             for name, each in throughput.items()}  # fmt: skip
    return _Answer(
        cpu_cores, throughput, costs, equivalence(cpu, gpu, cpu_cores=cpu_cores, cpu_price=asked.price["cpu"])
    )


def _throughput(asked: _Asked) -> dict[str, Throughput]:
    """Take figures that were given, and measure the others."""
    from deployments.image_classifier.cost import Throughput

    if asked.given["gpu"] is None:
        _check_gpu()
    given = {name: Throughput(figure, measured=False) for name, figure in asked.given.items() if figure is not None}
    return {
        "cpu": given.get("cpu") or _measure(asked, "cpu"),
        "gpu": given.get("gpu") or _measure(asked, "cuda"),
    }


def _check_gpu() -> None:
    from deployments.image_classifier.engines.machine import this_machine

    if not this_machine().has_gpu:
        raise StartupError(
            "This machine has no GPU to measure: give what one classifies, measured elsewhere or published, with "
            "--gpu-images-per-second."
        )


def _measure(asked: _Asked, device: Literal["cpu", "cuda"]) -> Throughput:
    """Measure the engine that a replica would take, at its best batch size."""
    from deployments.image_classifier.batch_curve import measure_curve
    from deployments.image_classifier.cost import Throughput
    from deployments.image_classifier.loading import load_model
    from deployments.image_classifier.settings import ImageClassifierSettings

    # Converted models are the CPU's.
    is_converted = device == "cpu" and asked.model_dir is not None
    network: dict[str, Any] = (
        {"model_dir": asked.model_dir}
        if is_converted
        else {"architecture": asked.architecture, "weights": asked.weights, "weights_uri": asked.weights_uri}
    )
    settings = ImageClassifierSettings(**network, download=False, device=device)
    model = load_model(settings, allow_untrained=True)
    if (found := model.facts.get("architecture")) not in {None, asked.architecture}:
        raise StartupError(f"{asked.model_dir} holds {found}: compare it with itself, by --architecture {found}.")
    typer.echo(f"Measuring {model.facts['engine_why']}", err=True)
    try:
        model.engine.warm_up()
        curve = measure_curve(model.engine, model.preset.crop, largest=model.engine.max_batch)
    except RuntimeError as error:
        raise StartupError(f"The network cannot be measured on {device}: {error}.") from None
    facts = model.engine.describe()
    place = f"{facts['threads']} threads" if device == "cpu" else f"{facts['device']}"
    best = max(curve, key=lambda speed: speed.images_per_second)
    how = f"{facts['engine']} {facts['precision']}, {place}, batches of {best.size}"
    return Throughput(best.images_per_second, measured=True, how=how)


def _figures(asked: _Asked, answer: _Answer) -> dict[str, Any]:
    machines = {
        name: {
            "price_per_hour": asked.price[name],
            "full_load": asdict(answer.throughput[name]),
            "cost": asdict(answer.cost[name]),
        }
        for name in answer.cost
    }
    machines["cpu"]["cores"] = answer.cpu_cores
    return {
        "model": asked.model_dir or asked.architecture,
        "currency": asked.currency,
        "utilization": asked.utilization,
        **machines,
        "one_gpu_equals": asdict(answer.equivalence),
        "cheaper": answer.cheaper,
    }


def _show(asked: _Asked, answer: _Answer) -> None:
    table = Table("", f"CPU, {answer.cpu_cores} cores", "One GPU")
    rows = {
        "Images/s at full load": [f"{answer.throughput[name].images_per_second:,.1f}" for name in answer.cost],
        "": [_origin(answer.throughput[name]) for name in answer.cost],
        f"{asked.currency} an hour": [f"{asked.price[name]:,.2f}" for name in answer.cost],
        f"Images for one {asked.currency}": [f"{each.images_per_unit:,.0f}" for each in answer.cost.values()],
        f"{asked.currency} for a million images": [f"{each.per_million:,.2f}" for each in answer.cost.values()],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    Console(highlight=False).print(table)
    typer.echo(_sentences(asked, answer))


def _origin(throughput: Throughput) -> str:
    return f"measured: {throughput.how}" if throughput.measured else "given"


def _sentences(asked: _Asked, answer: _Answer) -> str:
    same, pays = answer.equivalence, "is" if answer.cheaper == "gpu" else "is not"
    return (
        f"One GPU equals {same.cpu_cores:,.1f} cores, or {same.cpu_machines:,.1f} such machines. It is cheaper below "
        f"{same.gpu_price_limit:,.2f} {asked.currency} an hour; at {asked.price['gpu']:,.2f} it {pays}.\n"
        f"Machines are paid for all the time and have work for {asked.utilization:.0%} of it (--utilization). The "
        "network alone: HTTP and decoding take cores beside it."
    )
