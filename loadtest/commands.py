"""`scoring bench`: the figures of docs/benchmarks.md, measured on this machine."""

# Each benchmark is imported by its own command, so that the others, and `scoring` itself, start at once and need
# nothing that only one benchmark needs.
# ruff: noqa: PLC0415

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from loadtest import door_commands, image_commands
from loadtest.configs import read_config
from loadtest.options import (
    Clients,
    Config,
    LoadedModel,
    Model,
    Photos,
    Questions,
    Reports,
    Rounds,
    Seconds,
    Settle,
    benchmark,
)
from loadtest.payloads import Payload, photo_payloads, question_payloads
from loadtest.peers import commands as peers_commands
from loadtest.scale import commands as scale_commands

app = typer.Typer(no_args_is_help=True)
app.command()(image_commands.engines)
app.command()(image_commands.answers)
app.command()(image_commands.image_service)
app.command()(image_commands.decode)
app.command()(door_commands.overload)
app.command()(door_commands.payloads)
app.command()(door_commands.door)
app.command()(peers_commands.peers)
for command in scale_commands.COMMANDS:
    app.command()(command)


@app.callback()
def bench() -> None:
    """Measure the service on this machine. Each command starts and stops a service of its own."""


@app.command()
@benchmark
def throughput(
    *,
    config: Config = None,
    photos: Photos = None,
    questions: Questions = None,
    seconds: Seconds = 10,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of load before the first round.")] = 5,
    rounds: Rounds = 3,
    model: Annotated[Model | None, typer.Option(help="Only one of the models.")] = None,
) -> Reports:
    """Requests per second and latency: FAQ with 1, 16 and 64 clients, image with 1 and 16."""
    from loadtest.throughput import measure

    payloads = {each.value: _payloads(each, questions, photos) for each in Model if model in {None, each}}
    return [measure(read_config(config), payloads, seconds=seconds, warm_up=warm_up, rounds=rounds)]


@app.command()
@benchmark
def idle(
    *,
    config: Config = None,
    seconds: Seconds = 30,
    settle: Settle = 15,
    rounds: Rounds = 3,
) -> Reports:
    """Processor time without traffic, by process, beside bare Ray Serve."""
    from loadtest.idle import measure

    return [measure(read_config(config), seconds=seconds, settle_seconds=settle, rounds=rounds)]


@app.command()
@benchmark
def memory(*, config: Config = None, settle: Settle = 10) -> Reports:
    """Memory at rest, by process."""
    from loadtest.memory import measure

    return [measure(read_config(config), settle_seconds=settle)]


@app.command()
@benchmark
def startup(
    *,
    config: Config = None,
    command: Annotated[
        str | None, typer.Option(help="Starts the service; takes --config and --port.  [default: scripts/serve]")
    ] = None,
    rounds: Rounds = 3,
) -> Reports:
    """Time from the command to a service that answers."""
    from loadtest.startup import default_command, measure

    words = shlex.split(command) if command else default_command()
    return [measure(read_config(config), command=words, rounds=rounds)]


@app.command()
@benchmark
def model_changes(
    *,
    photos: Photos = None,
    questions: Questions = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second of each model.")] = 20,
    architecture: Annotated[str, typer.Option(help="Network of the image model.")] = "mobilenet_v2",
) -> Reports:
    """Versions added, made the default and removed under load: what fails, and how soon a change is in force."""
    from loadtest.model_changes import measure

    payloads = {"faq": question_payloads(questions)[0], "image": photo_payloads(photos)[0]}
    network = {"model": {"architecture": architecture, "weights": "DEFAULT", "download": False, "device": "cpu"}}
    return [measure(payloads, {"faq": {}, "image": network}, rate=rate)]


@app.command()
@benchmark
def replica_loss(
    *,
    config: Config = None,
    questions: Questions = None,
    clients: Clients = 16,
    seconds: Seconds = 5,
    rounds: Rounds = 3,
) -> Reports:
    """Kill one of two FAQ replicas under load: failed requests, time until two run again."""
    from loadtest.replica_loss import measure

    payloads = question_payloads(questions)
    return [measure(read_config(config), payloads, clients=clients, seconds=seconds, rounds=rounds)]


@app.command()
@benchmark
def drain(
    *,
    config: Config = None,
    model: LoadedModel = Model.IMAGE,
    photos: Photos = None,
    questions: Questions = None,
    clients: Clients = 16,
    seconds: Seconds = 5,
    rounds: Rounds = 3,
) -> Reports:
    """Stop the service with SIGTERM under load: accepted requests that failed."""
    from loadtest.drain import measure

    payloads = _payloads(model, questions, photos)
    return [measure(read_config(config), model.value, payloads, clients=clients, seconds=seconds, rounds=rounds)]


@app.command()
@benchmark
def faq_speed(
    *,
    originals: Annotated[
        list[int], typer.Option(min=2, help="Size of a FAQ; may be given several times.", show_default=True)
    ] = [182, 10_000, 100_000],  # noqa: B006 - Typer copies it
    data: Annotated[
        Path | None, typer.Option(help="FAQ made by `scoring faq prepare` to recombine; without one, the sample.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Sentence encoder; without one, words alone.")] = None,
    http: Annotated[bool, typer.Option("--http/--no-http", help="Also serve each model.")] = True,
    seconds: Seconds = 10,
) -> Reports:
    """Time to score a question, memory and training by the size of the FAQ."""
    from loadtest.faq_speed import measure

    return [measure(originals, data=data, encoder=encoder, seconds=seconds, over_http=http)]


@app.command()
@benchmark
def faq_accuracy(
    *,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the sets: faq/stackfaq_*.tsv, stackexchange_dump/SITE/Posts.xml.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many splits of the duplicates.")] = 5,
) -> Reports:
    """How often the FAQ matcher is right, beside other methods; in process, on public sets."""
    from loadtest.faq_accuracy import measure

    return measure(data, seeds=seeds)


def _payloads(model: Model, questions: Path | None, photos: Path | None) -> list[Payload]:
    return question_payloads(questions) if model is Model.FAQ else photo_payloads(photos)
