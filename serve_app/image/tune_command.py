"""`scoring image tune`: the threads, streams and batches that serve the most images here within a wanted latency."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from deployments.destinations import check_file
from deployments.errors import StartupError
from serve_app.image.tune_settings import Tuned, read_tuned, tuned_yaml
from serve_app.late_progress import LateProgress
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.image_classifier.engines.engine import Engine
    from deployments.image_classifier.settings import ImageClassifierSettings
    from deployments.image_classifier.tuning import Trial

# As a shell says that Ctrl-C ended a program, and that it found nothing.
_INTERRUPTED = 130
_NONE_HOLDS = 1


def tune(
    *,
    p99: Annotated[
        float, typer.Option(min=0.001, help="Wanted: 99 % of requests take less, in ms, without HTTP and decoding.")
    ],
    config: Annotated[
        Path | None, typer.Option(help="Config file, whose image model is tuned.", show_default="resnet152")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the image model, where the config has several.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for the settings: a copy of the config with them, if one is given.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure, about.")] = 120,
    outside_ms: Annotated[
        float,
        typer.Option(min=0, help="CPU time of the web server and of decoding for each request, on this machine."),
    ] = 6,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
) -> None:
    """Measure latency and throughput by threads, streams and size of batches on this machine, and write the best."""
    trials: list[Trial] = []
    with refusals(extra="torch,openvino"):
        try:
            _check(output, overwrite=overwrite)
            tuned = read_tuned(config, model)
            _measure(tuned, trials, p99=p99, seconds=seconds, outside_ms=outside_ms)
        except KeyboardInterrupt:
            _show(trials, None)
            typer.echo("Stopped; nothing is written.", err=True)
            raise typer.Exit(_INTERRUPTED) from None
        except RuntimeError as error:
            raise StartupError(
                "The network failed while it was measured: give this machine more memory, or take another engine."
            ) from error
    _report(trials, tuned, p99, output)


def _check(output: Path | None, *, overwrite: bool) -> None:
    if output is None:
        return
    check_file(output)
    if output.exists() and not overwrite:
        raise StartupError(f"{output} exists: choose another --output, or replace it with --overwrite.")


def _measure(tuned: Tuned, trials: list[Trial], *, p99: float, seconds: float, outside_ms: float) -> None:
    from deployments.image_classifier.outside_work import OutsideWork
    from deployments.image_classifier.tuning import tune as measured

    with _quiet(), ExitStack() as stack:
        progress = stack.enter_context(LateProgress(Console(stderr=True)))
        progress("Loading the network", 0, 0)
        side, pairs = _pairs(tuned)
        outside = stack.enter_context(OutsideWork(outside_ms)) if outside_ms else None
        for trial in measured(
            lambda threads, streams: _load(tuned.settings, threads, streams)[0],
            pairs,
            side=side,
            p99_ms=p99,
            seconds=seconds,
            outside=outside,
            progress=lambda done, total: progress("Measuring", done, total),
        ):
            trials.append(trial)  # noqa: PERF402 - one by one, so that Ctrl-C keeps them


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what a replica says at each start: which engine, which weights, or that there are none."""
    logger = logging.getLogger("ray.serve")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _pairs(tuned: Tuned) -> tuple[int, list[tuple[int, int]]]:
    """Load the network once; return the side of its images, and the threads and streams that its engine may have."""
    from deployments.image_classifier.tuning import shares

    engine, side = _load(tuned.settings, tuned.cpus, 1)
    facts = engine.describe()
    if facts["device"] != "cpu":
        return side, [(tuned.cpus, 1)]
    return side, shares(tuned.cpus, takes_streams=facts["engine"] == "openvino")


def _load(settings: ImageClassifierSettings, threads: int, streams: int) -> tuple[Engine, int]:
    from deployments.image_classifier.loading import load_model

    # Random weights are as fast as trained ones.
    several = {"threads": threads, "streams": streams, "max_batch": "auto"}
    loaded = load_model(settings.model_copy(update=several), allow_untrained=True)
    return loaded.engine, loaded.preset.crop


def _report(trials: list[Trial], tuned: Tuned, p99: float, output: Path | None) -> None:
    from deployments.image_classifier.tuning import best_of

    best = best_of(trials, p99)
    _show(trials, best)
    if best is None:
        least = min(trial.p99_ms for trial in trials)
        typer.echo(
            f"No setting keeps p99 under {p99:g} ms, the least is {least:.1f} ms: want less, or take a smaller network "
            "or a faster machine.",
            err=True,
        )
        raise typer.Exit(_NONE_HOLDS)
    found = best.setting
    typer.echo(
        f"The best with p99 under {p99:g} ms: threads {found.threads}, streams {found.streams}, "
        f"batches of {found.max_batch}, {found.in_flight} in flight."
    )
    text = tuned_yaml(tuned, found)
    if output is None:
        typer.echo(f"Put these lines under `args:` of the config file:\n\n{text}" if tuned.content is None else text)
        return
    with refusals(output):
        output.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote it to {output}.")


def _show(trials: list[Trial], best: Trial | None) -> None:
    if not trials:
        return
    table = Table("Threads", "Streams", "Batch", "In flight", "Alone", "p50", "p99", "Images/s", caption="Times in ms")
    for column in table.columns:
        column.justify = "right"
    for trial in trials:
        setting = trial.setting
        table.add_row(
            *map(str, (setting.threads, setting.streams, setting.max_batch, setting.in_flight)),
            *(f"{value:.1f}" for value in (trial.alone_ms, trial.p50_ms, trial.p99_ms, trial.images_per_second)),
            style="bold" if trial is best else None,
        )
    Console(highlight=False).print(table)
