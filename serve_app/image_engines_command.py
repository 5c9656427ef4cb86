"""`scoring image engines`: what can run the image classifier here, and what auto takes."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import typer
from rich.console import Console
from rich.table import Table

from deployments.errors import StartupError
from deployments.image_classifier.engines.choice import NAMES, Choice, choose
from deployments.image_classifier.engines.engine import EngineName
from deployments.image_classifier.engines.machine import Machine, this_machine


def engines(
    *,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="As in the settings of the model.")] = "auto",
) -> None:
    """Show the engines, which of them runs image models on this machine, and why."""
    machine = this_machine()
    picked = _choice(machine, device)
    table = Table("Engine", "Installed", "Device", "Precision", "")
    for name in get_args(EngineName):
        table.add_row(*_row(machine, name, device, picked))
    Console(highlight=False).print(table)
    if isinstance(picked, str):
        typer.echo(picked, err=True)
        raise typer.Exit(2)
    typer.echo(f"auto takes {picked.why}")


def _choice(machine: Machine, device: Literal["auto", "cpu", "cuda"], engine: EngineName | None = None) -> Choice | str:
    """Return what would run, or the sentence that says why nothing can."""
    try:
        return choose(machine, engine=engine or "auto", device=device)
    except StartupError as error:
        return str(error)


def _row(
    machine: Machine, name: EngineName, device: Literal["auto", "cpu", "cuda"], picked: Choice | str
) -> tuple[str, str, str, str, str]:
    version = machine.packages.get(name)
    if version is None:
        return NAMES[name], f"no: pip install 'ray-scoring\\[{name}]'", "", "", ""
    choice = _choice(machine, device, name)
    if isinstance(choice, str):
        return NAMES[name], version, "", "", "cannot run here"
    is_picked = isinstance(picked, Choice) and picked.engine == name
    return NAMES[name], version, choice.device, choice.precision, "picked by auto" if is_picked else ""
