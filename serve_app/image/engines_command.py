"""`scoring image engines`: what can run the image classifier here, and what auto takes."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import typer
from rich.console import Console
from rich.table import Table

from deployments.errors import StartupError
from deployments.image_classifier.engines.choice import NAMES, Choice, choose
from deployments.image_classifier.engines.engine import EngineName, Library
from deployments.image_classifier.engines.machine import Machine, this_machine
from serve_app.refusals import refuse


def engines(
    *,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="As in the settings of the model.")] = "auto",
) -> None:
    """Show the engines, which of them runs image models on this machine, and why."""
    machine = this_machine()
    picked = _choice(machine, device)
    # Its own library decides what a network of Keras can use.
    of_keras = this_machine("keras")
    picked_for_keras = _choice(of_keras, device, library="keras")
    table = Table("Engine", "Installed", "Device", "Precision", "")
    for name in get_args(EngineName):
        is_keras = name == "keras"
        table.add_row(*_row(of_keras if is_keras else machine, name, device, picked_for_keras if is_keras else picked))
    Console(highlight=False).print(table)
    if isinstance(picked, Choice):
        typer.echo(f"auto takes {picked.why}")
    if isinstance(picked_for_keras, Choice) and "keras" in of_keras.packages:
        typer.echo(f"For a network of Keras, auto takes {picked_for_keras.why}")
    elif isinstance(picked, str):
        refuse(picked)


def _choice(
    machine: Machine,
    device: Literal["auto", "cpu", "cuda"],
    engine: EngineName | None = None,
    library: Library = "torch",
) -> Choice | str:
    """Return what would run, or the sentence that says why nothing can."""
    try:
        return choose(machine, engine=engine or "auto", device=device, library=library)
    except StartupError as error:
        return str(error)


def _row(
    machine: Machine, name: EngineName, device: Literal["auto", "cpu", "cuda"], picked: Choice | str
) -> tuple[str, str, str, str, str]:
    version = machine.packages.get(name)
    if version is None:
        return NAMES[name], f"no: pip install 'ray-scoring\\[{name}]'", "", "", ""
    choice = _choice(machine, device, name, "keras" if name == "keras" else "torch")
    if isinstance(choice, str):
        return NAMES[name], version, "", "", "cannot run here"
    is_picked = isinstance(picked, Choice) and picked.engine == name
    return NAMES[name], version, choice.device, choice.precision, "picked by auto" if is_picked else ""
