"""Options that benchmarks share, and how their reports are shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from loadtest.errors import BenchmarkError

# Of loadtest.report, which loads psutil.
Reports = Sequence[Any]

# What a machine at rest has to do all the same.
QUIET_SHARE = 0.1


class Model(StrEnum):
    """Which of the two models."""

    FAQ = "faq"
    IMAGE = "image"


class Stage(StrEnum):
    """What replicas there are more of: of one of the two models, or of one that waits."""

    FAQ = "faq"
    IMAGE = "image"
    WAITING = "waiting"


Config = Annotated[
    Path | None, typer.Option(help="Ray Serve config file; without one, both models with their defaults.")
]
LoadedModel = Annotated[Model, typer.Option("--model", help="Which model to load.")]
Photos = Annotated[Path | None, typer.Option(help="Directory of photos; without one, a generated photo.")]
Questions = Annotated[
    Path | None, typer.Option(help="TSV with the column Text0, or a text file of questions; without one, our own.")
]
Rounds = Annotated[int, typer.Option(min=1, help="Times to measure; the median and the spread are shown.")]
Seconds = Annotated[float, typer.Option(min=1, help="Length of each round.")]
Settle = Annotated[float, typer.Option(min=0, help="Seconds to leave the service alone before.")]
Json = Annotated[Path | None, typer.Option("--json", help="File to write every figure to.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")]
Clients = Annotated[int, typer.Option(min=1, help="Requests that are out at any time.")]
Network = Annotated[str, typer.Option(help="A classification network of torchvision.")]
Only = Annotated[
    list[str] | None, typer.Option(help="Part of an engine's name, as in openvino; may be given several times.")
]
Device = Annotated[Literal["cpu", "cuda"], typer.Option(help="Where the networks run.")]


def benchmark(measure: Callable[..., Reports]) -> Callable[..., None]:
    """Make a command that shows what is measured, the first report's figures in a file, or ends in one sentence.

    Args:
        measure: its keyword parameters become options; --json and --markdown are added.
    """

    @wraps(measure)
    def command(*, json: Path | None, markdown: bool, **options: Any) -> None:
        from loadtest.machine import busy_share  # noqa: PLC0415 - psutil, which `scoring` itself does without
        from loadtest.report import show  # noqa: PLC0415 - as above

        busy = busy_share()
        try:
            reports = measure(**options)
            if busy > QUIET_SHARE:
                reports[0].notes.append(
                    f"The machine was {busy:.0%} busy with other work before; do not trust these figures."
                )
            for number, report in enumerate(reports):
                typer.echo("\n" * bool(number), nl=False)
                show(report, json_file=None if number else json, markdown=markdown)
        except BenchmarkError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from None

    own = inspect.signature(measure, eval_str=True)
    added = [
        inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Json),
        inspect.Parameter("markdown", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Markdown),
    ]
    # From both Typer reads which options there are.
    command.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])  # type: ignore[attr-defined]
    command.__annotations__ = {**measure.__annotations__, "json": Json, "markdown": Markdown}
    return command
