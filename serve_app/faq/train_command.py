"""`scoring faq train`: make a model of a FAQ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from deployments.destinations import check_new
from serve_app.config_lines import show_saved
from serve_app.faq.inputs import (
    AnswersOption,
    DataOption,
    DuplicatesOption,
    EncoderOption,
    QuestionsOption,
    SemanticOption,
    command_line,
    encoder_name,
    read_data,
    read_recipe,
)
from serve_app.late_progress import LateProgress
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.faq_matcher.learned import Learned


def train(
    context: typer.Context,
    *,
    output: Annotated[Path, typer.Option(help="Directory for the model; new or empty.")],
    data: DataOption = None,
    questions: QuestionsOption = None,
    duplicates: DuplicatesOption = None,
    answers: AnswersOption = None,
    semantic: SemanticOption = False,
    encoder: EncoderOption = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Settings of the training as YAML or JSON, as `scoring faq tune` writes them.")
    ] = None,
    wanted_precision: Annotated[
        float | None,
        typer.Option(help="Share of matches that shall be right: decides the threshold.", show_default="0.9"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the training; the same gives the same.", show_default="0")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in the directory.")] = False,
) -> None:
    """Train a model that matches questions with the originals of a FAQ, and save it."""
    with refusals(output):
        # Here, so that the command line works where the model libraries are not installed.
        from deployments.faq_matcher import storage, training

        check_new(output, storage.is_model, "FAQ model", overwrite=overwrite)
        chosen = read_recipe(
            recipe,
            encoder=encoder_name(encoder, semantic=semantic),
            wanted_precision=wanted_precision,
            seed=seed,
        )
        with LateProgress(Console(stderr=True)) as progress:
            faq = read_data(data, questions, duplicates, answers)
            learned = training.train(faq, chosen, command=command_line(context), progress=progress)
            progress("Saving the model", 0, 0)
            storage.write(output, learned, replace=overwrite)
    _report(learned, output)


def _report(learned: Learned, output: Path) -> None:
    Console().print(_table(learned))
    show_saved(output, "faq_matcher", "faq")


def _table(learned: Learned) -> Table:
    facts = learned.facts
    table = Table("Trained", "", show_header=False)
    table.columns[1].justify = "right"
    table.add_row("Originals", f"{facts.originals:,}")
    table.add_row("Duplicates", f"{facts.duplicates:,}")
    table.add_row("Answers", f"{facts.answers:,}")
    table.add_row("Features", f"{learned.evidence.features.count:,}")
    if facts.encoder is not None:
        table.add_row("Sentence encoder", facts.encoder.name)
    table.add_row("Duplicates held out in turn", f"{facts.held_out.questions:,}")
    if facts.held_out.accuracy is not None and facts.held_out.mean_reciprocal_rank is not None:
        table.add_row("  matched first", f"{facts.held_out.accuracy:.1%}")
        table.add_row("  mean reciprocal rank", f"{facts.held_out.mean_reciprocal_rank:.3f}")
    table.add_row(*_threshold(learned))
    table.add_row("Training", f"{facts.seconds:.1f} s")
    return table


def _threshold(learned: Learned) -> tuple[str, str]:
    from deployments.faq_matcher.calibration import LEAST_QUESTIONS

    facts, threshold = learned.facts, learned.calibration.threshold
    if facts.held_out.questions < LEAST_QUESTIONS:
        return f"Threshold, by default: under {LEAST_QUESTIONS} duplicates held out", f"{threshold:.3f}"
    return f"Threshold for {facts.recipe.wanted_precision:.4g} of matches right", f"{threshold:.3f}"
