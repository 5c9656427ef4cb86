"""`scoring faq add`: add questions to a model without training it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from deployments.destinations import check_new
from deployments.errors import StartupError
from serve_app.faq.inputs import ModelOption
from serve_app.late_progress import LateProgress
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.faq_matcher.changes import Arrival, Changes

# New wordings that are matched to other originals: so many are shown.
_MOST_SHOWN = 10

# Characters of a text in a table.
_MOST_CHARACTERS = 60


def add(
    *,
    model: ModelOption,
    output: Annotated[Path | None, typer.Option(help="Directory for the model with what joins; new or empty.")] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Change the model itself.")] = False,
    questions: Annotated[
        Path | None, typer.Option(help="Table of new originals: Id, AnswerId, Text0 (.tsv, .csv, .jsonl or .parquet).")
    ] = None,
    duplicates: Annotated[
        Path | None, typer.Option(help="Table of new wordings: Id, AnswerId (of an original, known or new), Text0.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="Table of new answers: Id, QuestionId (of an original, known or new), Text0.")
    ] = None,
) -> None:
    """Add originals, other wordings and answers to a model, and say what that changed."""
    target = model if output is None else output
    with refusals(target):
        if (output is None) is not in_place:
            raise StartupError("Name a new directory with --output, or change the model itself with --in-place.")
        # Here, so that the command line works where the model libraries are not installed.
        from deployments.faq_matcher import adding, storage
        from deployments.faq_matcher.additions import read_additions

        if output is not None:
            check_new(output, storage.is_model, "FAQ model", instead="change the model itself with --in-place")
        with LateProgress(Console(stderr=True)) as progress:
            progress("Reading the model", 0, 0)
            learned = storage.read(model)
            joins = read_additions(
                learned.originals, learned.duplicates, questions=questions, wordings=duplicates, answers=answers
            )
            after, changes = adding.add(learned, joins.originals, joins.duplicates, joins.answers, progress=progress)
            progress("Saving the model", 0, 0)
            storage.write(target, after, replace=in_place)
    _report(changes, target)


def _report(changes: Changes, target: Path) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    table = Table("", "Originals", "Duplicates", "Answers", "Features")
    counts = (changes.originals, changes.duplicates, changes.answers, changes.features)
    table.add_row("joined", *(f"{count:,}" for count in counts))
    console.print(table)
    _report_arrivals(changes.arrivals, console)
    _report_moves(changes, console)
    typer.echo(f"Saved in {target}.")
    if changes.retrain_advised:
        typer.echo(
            f"What joined since training is {changes.added_share:.0%} of what the model was trained with: "
            "train it again with `scoring faq train`, so that it is told apart and calibrated."
        )


def _report_arrivals(arrivals: tuple[Arrival, ...], console: Console) -> None:
    if not arrivals:
        return
    missed = [arrival for arrival in arrivals if not arrival.is_found]
    typer.echo(f"{len(arrivals) - len(missed):,} of {len(arrivals):,} new questions are matched to their originals.")
    if missed:
        table = Table("New question", "Its original", "Is matched to", "With")
        for arrival in missed[:_MOST_SHOWN]:
            texts = (arrival.text, arrival.own.text, arrival.best.text)
            table.add_row(*map(_shown, texts), f"{arrival.probability:.2f}")
        console.print(table)


def _report_moves(changes: Changes, console: Console) -> None:
    typer.echo(
        f"Of {changes.compared:,} questions that the model had, {changes.moved:,} are matched to another original "
        "than before."
    )
    if changes.moves:
        table = Table("Question", "Its original", "Was matched to", "Is matched to")
        for move in changes.moves:
            table.add_row(*map(_shown, (move.text, move.own.text, move.before.text, move.after.text)))
        console.print(table)


def _shown(text: str) -> str:
    """The first line, not too long."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS].rstrip()}…"
