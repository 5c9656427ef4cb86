"""`scoring faq`: train the FAQ matcher on your own questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from deployments.errors import StartupError

if TYPE_CHECKING:
    from deployments.faq_matcher.learned import Learned

app = typer.Typer(no_args_is_help=True)


@app.callback()
def faq() -> None:
    """Train the FAQ matcher on your own questions."""


@app.command()
def train(
    *,
    questions: Annotated[Path, typer.Option(help="TSV of original questions: Id, AnswerId, Text0.")],
    output: Annotated[Path, typer.Option(help="Directory for the model; new or empty.")],
    duplicates: Annotated[
        Path | None, typer.Option(help="TSV of other wordings: Id, AnswerId (of the original), Text0.")
    ] = None,
    answers: Annotated[Path | None, typer.Option(help="TSV of answers: Id, QuestionId, Text0.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in the directory.")] = False,
) -> None:
    """Train a model that matches questions with the originals of an FAQ, and save it."""
    try:
        learned = _train(questions, duplicates, answers, output, overwrite=overwrite)
    except StartupError as error:
        _fail(str(error))
    except ImportError as error:
        _fail(f"{error.name} is not installed: install it with `pip install 'ray-scoring[faq]'`.")
    except OSError as error:
        _fail(f"{output} cannot be written: {error.strerror or error}.")
    _report(learned, output)


def _train(questions: Path, duplicates: Path | None, answers: Path | None, output: Path, *, overwrite: bool) -> Learned:
    # Here, so that the command line works where the model libraries are not installed.
    from deployments.faq_matcher import storage, training
    from deployments.faq_matcher.data import read_faq

    if _is_filled(output):
        if not storage.is_model(output):
            raise StartupError(f"{output} holds files that are no FAQ model: choose another --output.")
        if not overwrite:
            raise StartupError(f"{output} holds a model: choose another --output, or replace it with --overwrite.")
    learned = training.train(read_faq(questions, duplicates, answers))
    storage.write(output, learned, replace=overwrite)
    return learned


def _is_filled(output: Path) -> bool:
    return output.is_file() or (output.is_dir() and any(output.iterdir()))


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def _report(learned: Learned, output: Path) -> None:
    facts = learned.facts
    table = Table("Originals", "Duplicates", "Answers", "Features", "Training")
    counts = (facts.originals, facts.duplicates, facts.answers, learned.evidence.features.count)
    table.add_row(*(f"{count:,}" for count in counts), f"{facts.seconds:.1f} s")
    Console().print(table)
    typer.echo(f"Saved in {output}. To serve it, put these lines under `args:` of the config file:\n")
    typer.echo(_config_lines(output.absolute()))


def _config_lines(directory: Path) -> str:
    # A JSON string is one of YAML too, whatever characters the path holds.
    path = json.dumps(str(directory), ensure_ascii=False)
    return f"models:\n  - kind: faq_matcher\n    name: faq\n    versions:\n      - model:\n          model_dir: {path}"
