"""The benchmarks of the front door, as commands of `scoring bench`."""

# As in commands.py: each benchmark is imported by its own command.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loadtest.configs import read_config
from loadtest.options import Config, LoadedModel, Model, Photos, Questions, Reports, Rounds, Seconds, benchmark
from loadtest.payloads import photo_payloads, question_payloads


@benchmark
def overload(
    *,
    config: Config = None,
    model: LoadedModel = Model.IMAGE,
    photos: Photos = None,
    questions: Questions = None,
    factor: Annotated[float, typer.Option(min=1, help="How many times its capacity to send.")] = 10,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the overload.")] = 60,
    plot: Annotated[Path | None, typer.Option(help="File for a picture, as in overload.svg.")] = None,
) -> Reports:
    """Many times the load that the service can answer: answers, refusals, memory, and how it is after."""
    from loadtest.overload import measure

    payloads = question_payloads(questions) if model is Model.FAQ else photo_payloads(photos)
    return [measure(read_config(config), model.value, payloads, factor=factor, seconds=seconds, plot=plot)]


@benchmark
def door(*, config: Config = None, questions: Questions = None, seconds: Seconds = 10, rounds: Rounds = 3) -> Reports:
    """Keys, quotas, logs and traces: requests per second with each and with all, beside a service without."""
    from loadtest.door_cost import measure

    return [measure(read_config(config), question_payloads(questions), seconds=seconds, rounds=rounds)]


@benchmark
def payloads(
    *,
    config: Config = None,
    count: Annotated[int, typer.Option(min=1, help="Bodies at once.")] = 20,
    megabytes: Annotated[int, typer.Option(min=1, help="Size of each body, in MiB.")] = 100,
) -> Reports:
    """Large images, many at once: answers, and the most memory that each process takes."""
    from loadtest.large_payloads import measure

    return [measure(read_config(config), count=count, megabytes=megabytes)]
