"""`scoring faq prepare`: make training and test data of a Stack Exchange dump or of tables."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from deployments.errors import StartupError
from serve_app.faq.inputs import AnswersOption, DuplicatesOption
from serve_app.late_progress import LateProgress
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.faq_matcher.preparation.pipeline import Prepared, Source
    from deployments.faq_matcher.preparation.settings import PrepareSettings


def prepare(
    *,
    output: Annotated[Path, typer.Option(help="Directory for the data; new or empty.")],
    dump: Annotated[
        Path | None, typer.Option(help="Directory with Posts.xml and PostLinks.xml of a Stack Exchange site.")
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="Table of original questions: Id, AnswerId, Text0 (.tsv, .csv, .jsonl or .parquet)."),
    ] = None,
    duplicates: DuplicatesOption = None,
    answers: AnswersOption = None,
    tag: Annotated[
        str | None, typer.Option(help="Keep originals with this tag; of tables, by their column Tags.")
    ] = None,
    min_duplicates: Annotated[int, typer.Option(min=0, help="Duplicates that an original needs.")] = 0,
    min_length: Annotated[int, typer.Option(min=0, help="Characters of plain text that a question needs.")] = 0,
    max_length: Annotated[int, typer.Option(min=1, help="Characters that it may have.")] = 100_000,
    code: Annotated[Literal["keep", "drop"], typer.Option(help="Code blocks of questions, as plain text.")] = "keep",
    html: Annotated[
        bool | None, typer.Option("--html/--no-html", help="Texts of tables are HTML.", show_default="found out")
    ] = None,
    require_answer: Annotated[
        bool, typer.Option("--require-answer/--no-require-answer", help="Drop originals without an answer.")
    ] = True,
    test_fraction: Annotated[
        float, typer.Option(min=0, max=1, help="Share of each original's duplicates held out for the test.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Of the split; the same gives the same.")] = 0,
    accept_truncated: Annotated[
        bool, typer.Option("--accept-truncated", help="Take what a dump holds before it breaks off.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the prepared data in the directory.")] = False,
) -> None:
    """Make training and test data of a Stack Exchange dump or of tables of your own."""
    with refusals(output, extra="faq-training"):
        # Here, so that the command line works where the libraries are not installed.
        from deployments.faq_matcher.preparation.settings import PrepareSettings

        settings = PrepareSettings(
            tag=tag,
            min_duplicates=min_duplicates,
            min_length=min_length,
            max_length=max_length,
            code=code,
            html=html,
            require_answer=require_answer,
            test_fraction=test_fraction,
            seed=seed,
            accept_truncated=accept_truncated,
        )
        source = _source(dump, questions, duplicates, answers, settings)
        prepared = _prepare(source, output, settings, overwrite=overwrite)
    _show(prepared, output)


def _source(
    dump: Path | None,
    questions: Path | None,
    duplicates: Path | None,
    answers: Path | None,
    settings: PrepareSettings,
) -> Source:
    from deployments.faq_matcher.preparation.dump import DumpSource
    from deployments.faq_matcher.preparation.tables import TableSource

    if dump is not None:
        _refuse_beside("--dump", questions=questions, duplicates=duplicates, answers=answers, html=settings.html)
        return DumpSource(dump)
    if questions is None:
        raise StartupError("Nothing to prepare: name a Stack Exchange dump with --dump, or a table with --questions.")
    _refuse_beside("--questions", accept_truncated=settings.accept_truncated or None)
    return TableSource(questions, duplicates, answers)


def _refuse_beside(option: str, **others: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]
    if given:
        raise StartupError(f"{', '.join(given)} means nothing beside {option}: leave it out.")


def _prepare(source: Source, output: Path, settings: PrepareSettings, *, overwrite: bool) -> Prepared:
    from deployments.faq_matcher.preparation.pipeline import prepare as run

    with LateProgress(Console(stderr=True)) as progress:
        return run(source, output, settings, overwrite=overwrite, progress=progress)


def _show(prepared: Prepared, output: Path) -> None:
    from deployments.faq_matcher.data import PREPARED_DUPLICATES, PREPARED_REPORT, PREPARED_TEST

    console = Console()
    console.print(_steps(prepared))
    report = prepared.report
    for title, findings in (("Dropped", report.dropped), ("Kept, though", report.noted)):
        if findings:
            table = Table("", "Rows", "Why", "First", title=title, title_justify="left")
            for found in findings.values():
                first = found.examples[0]
                table.add_row(found.part, f"{found.rows:,}", f"{first['column']} {found.reason}".strip(), _place(first))
            console.print(table)
    train, test = prepared.rows[PREPARED_DUPLICATES], prepared.rows[PREPARED_TEST]
    typer.echo(
        f"Saved in {output}: {train:,} duplicates to train with, {test:,} for the test; {PREPARED_REPORT} says more."
    )
    typer.echo(f"Next: scoring faq train --data {shlex.quote(str(output))} --output MODEL")


def _steps(prepared: Prepared) -> Table:
    table = Table("Questions", "Originals", "Duplicates", "Answers")
    for column in table.columns[1:]:
        column.justify = "right"
    for step in prepared.report.steps:
        table.add_row(step.name, *(f"{count:,}" for count in (step.originals, step.duplicates, step.answers)))
    return table


def _place(example: dict[str, object]) -> str:
    return f"{Path(str(example['file'])).name}:{example['line']}"
