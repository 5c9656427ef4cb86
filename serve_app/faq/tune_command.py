"""`scoring faq tune`: search for the settings that match a FAQ best."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from deployments.destinations import check_file
from deployments.errors import StartupError
from deployments.faq_matcher.recipe import Recipe
from serve_app.config_lines import config_yaml
from serve_app.faq.inputs import (
    AnswersOption,
    DataOption,
    DuplicatesOption,
    EncoderOption,
    QuestionsOption,
    SemanticOption,
    encoder_name,
    read_data,
    read_recipe,
)
from serve_app.late_progress import LateProgress
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.faq_matcher.tuning import Search

# As a shell says that Ctrl-C ended a program.
_INTERRUPTED = 130


def tune(
    *,
    output: Annotated[Path, typer.Option(help="YAML file for the best settings, for `scoring faq train --recipe`.")],
    data: DataOption = None,
    questions: QuestionsOption = None,
    duplicates: DuplicatesOption = None,
    answers: AnswersOption = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Settings to try in all, the default ones and those of earlier runs included.")
    ] = 40,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which no more are tried.", show_default="no limit")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of search and training; the same gives the same.")] = 0,
    study: Annotated[
        Path | None,
        typer.Option(
            help="SQLite file of what was tried: the search goes on from it.", show_default="beside the output"
        ),
    ] = None,
    semantic: SemanticOption = False,
    encoder: EncoderOption = None,
) -> None:
    """Search for the settings that match best the duplicates held out; the same command goes on where it stopped."""
    kept = study or output.with_suffix(".study.db")
    with refusals(output, extra="faq-training"):
        _check_output(output)
        start = read_recipe(None, encoder=encoder_name(encoder, semantic=semantic), seed=seed)
        # Here, so that the command line works where the libraries are not installed.
        from deployments.faq_matcher import tuning

        with LateProgress(Console(stderr=True)) as progress:
            faq = read_data(data, questions, duplicates, answers)
            try:
                found = tuning.tune(faq, kept, trials=trials, start=start, timeout_seconds=timeout, progress=progress)
            except KeyboardInterrupt:
                typer.echo(f"Stopped. {kept} keeps what was tried: the same command goes on from there.", err=True)
                raise typer.Exit(_INTERRUPTED) from None
        output.write_text(_yaml(found), encoding="utf-8")
    _report(found, trials, kept)
    source = f"--data {shlex.quote(str(data))}" if data else f"--questions {shlex.quote(str(questions))} ..."
    typer.echo(f"Wrote {output}. Next: scoring faq train {source} --recipe {shlex.quote(str(output))} --output MODEL")


def _check_output(output: Path) -> None:
    """Checks where to write before the search; settings may be replaced, since a search that goes on finds others."""
    check_file(output)
    if output.is_file() and output.stat().st_size:
        try:
            read_recipe(output)
        except StartupError as error:
            raise StartupError(f"{output} holds something else than settings: choose another --output.") from error


def _yaml(found: Search) -> str:
    best = found.best
    heading = (
        f"# The best of {len(found.trials)} settings that `scoring faq tune` tried: "
        f"mean reciprocal rank {best.mean_reciprocal_rank:.4f}, "
        f"with the default ones {found.first.mean_reciprocal_rank:.4f}.\n"
    )
    return heading + config_yaml(best.recipe.model_dump(mode="json"))


def _report(found: Search, trials: int, kept: Path) -> None:
    console = Console(highlight=False)
    console.print(_scores(found))
    if found.best is not found.first:
        console.print(_differences(found.first.recipe, found.best.recipe))
    typer.echo(_verdict(found))
    if len(found.trials) < trials:
        typer.echo(f"{len(found.trials)} of {trials} were tried: the same command goes on from {kept}.")


def _scores(found: Search) -> Table:
    table = Table(f"{found.first.questions:,} duplicates held out", "Reciprocal rank", "Matched first", "Log loss")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, trial in (("default", found.first), (f"best of {len(found.trials)}", found.best)):
        table.add_row(name, f"{trial.mean_reciprocal_rank:.4f}", f"{trial.accuracy:.1%}", f"{trial.log_loss:.4f}")
    return table


def _differences(default: Recipe, best: Recipe) -> Table:
    table = Table("Setting", "Default", "Best")
    for name in Recipe.model_fields:
        was, now = getattr(default, name), getattr(best, name)
        if was != now:
            table.add_row(name, _shown(was), _shown(now))
    return table


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _verdict(found: Search) -> str:
    if found.best is found.first:
        return "None was better than the default settings."
    gain = found.gain
    measured = f"{gain.mean:.4f} ± {gain.standard_error:.4f} of reciprocal rank"
    if gain.is_more_than_noise:
        return f"By questions that took no part in choosing, tuning gains {measured}: more than noise."
    return (
        f"By questions that took no part in choosing, tuning gains {measured}: no more than noise, so that the default "
        "settings may serve as well."
    )
