"""What `scoring bench peers` does between its options and its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from loadtest import wrk
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.peers import environments, material, plot
from loadtest.peers.contestants import cells_of, contestants
from loadtest.peers.measuring import Plan, measure
from loadtest.peers.tables import reports
from loadtest.report import Report


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; attributes as its options."""

    only: Sequence[str]
    cells: Sequence[str]
    workers: Sequence[int]
    seconds: float
    warm_up: float
    rounds: int
    faq: Path | None = None
    network: Path | None = None
    alternatives: bool = False
    plots: Path | None = None


def plan_of(wanted: Wanted) -> Plan:
    """Return what is to be measured.

    Raises:
        BenchmarkError: a server or a cell is not known.
    """
    cells = cells_of(wanted.cells)
    taking_part = contestants(only=wanted.only, models=cells, workers=wanted.workers, alternatives=wanted.alternatives)
    return Plan(taking_part, cells, wanted.seconds, wanted.warm_up, wanted.rounds)


def compare(wanted: Wanted, payloads: Mapping[str, Callable[[], list[Payload]]]) -> list[Report]:
    """Make environments and models, measure, and draw.

    Args:
        wanted: the options.
        payloads: make them, by model.

    Raises:
        BenchmarkError: something is missing, or a server answers otherwise than the others.
    """
    plan = plan_of(wanted)
    wrk.wrk_path()
    if wanted.plots is not None:
        _make(wanted.plots)
    models = list(plan.cells)
    sent = {model: payloads[model]() for model in models}
    _say(f"{len(plan.contestants)} servers, {plan.rounds} rounds: about {plan.estimate() / 60:.0f} minutes.")
    for peer in dict.fromkeys(one.server for one in plan.contestants if not one.is_ours):
        environments.make(peer)
    with TemporaryDirectory(prefix="loadtest-") as directory:
        _say("Preparing the models")
        served = material.prepare(Path(directory), models, data=wanted.faq, network=wanted.network)
        findings = measure(plan, served, sent, Path(directory), _say)
    if wanted.plots is not None:
        for file in plot.draw_all(findings, wanted.plots):
            _say(f"Drawn: {file}")
    return reports(plan, findings, served.facts, served.precision)


def _make(directory: Path) -> None:
    """Make a directory now, and not after the better part of an hour."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchmarkError(f"The directory {directory} cannot be made: {error}.") from None


def _say(text: str) -> None:
    typer.echo(text, err=True)
