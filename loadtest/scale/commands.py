"""The benchmarks of growth, as commands of `scoring bench`."""

# As in loadtest/commands.py: each benchmark is imported by its own command.
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from loadtest.configs import read_config
from loadtest.options import Config, Photos, Questions, Reports, Rounds, Seconds, Stage, benchmark

WaitMs = Annotated[float, typer.Option(min=0, help="Of the stage named waiting, milliseconds for each request.")]
WarmUp = Annotated[float, typer.Option(min=0, help="Seconds of load before each measurement.")]

# Enough to keep every replica busy.
CLIENTS = {Stage.FAQ: 64, Stage.IMAGE: 16, Stage.WAITING: 256}


@benchmark
def replicas(
    *,
    config: Config = None,
    stage: Annotated[
        list[Stage] | None, typer.Option(help="Only this stage; may be given several times.  [default: all]")
    ] = None,
    counts: Annotated[str, typer.Option(help="Replicas of a stage that computes.")] = "1,2,4,8",
    waiting_counts: Annotated[str, typer.Option(help="Replicas of the stage that waits.")] = "1,2,4,8,16,32",
    wait_ms: WaitMs = 10,
    photos: Photos = None,
    questions: Questions = None,
    clients: Annotated[int | None, typer.Option(min=1, help="Requests out at any time.")] = None,
    seconds: Seconds = 10,
    warm_up: WarmUp = 5,
    rounds: Rounds = 3,
) -> Reports:
    """Requests per second, latency and processor time with 1, 2, 4, 8 replicas of a stage on one node."""
    from loadtest.scale.replicas import Plan, measure
    from loadtest.scale.stages import Subject, payloads_of

    environment = cache(_environment)
    plans = [
        Plan(
            Subject(each, read_config(config), payloads_of(each, questions, photos), wait_ms, environment),
            numbers(waiting_counts if each is Stage.WAITING else counts),
            clients or CLIENTS[each],
        )
        for each in stage or Stage
    ]
    return [measure(plans, seconds=seconds, warm_up=warm_up, rounds=rounds)]


@benchmark
def nodes(
    *,
    config: Config = None,
    stage: Annotated[Stage, typer.Option(help="What runs on the nodes: faq or waiting.")] = Stage.WAITING,
    counts: Annotated[str, typer.Option(help="Nodes of the cluster.")] = "1,2,4",
    per_node: Annotated[int, typer.Option(min=1, help="Replicas of the model on each node.")] = 2,
    wait_ms: WaitMs = 10,
    questions: Questions = None,
    clients: Annotated[int, typer.Option(min=1, help="Requests out at any time, for each node.")] = 32,
    seconds: Seconds = 10,
    rounds: Rounds = 3,
) -> Reports:
    """Several nodes of Ray's test cluster on this machine: requests per second, what spreads where, crossing nodes."""
    from loadtest.scale.nodes import What, measure
    from loadtest.scale.stages import payloads_of

    if stage is Stage.IMAGE:
        raise typer.BadParameter("only faq and waiting are measured on several nodes.", param_hint="--stage")
    what = What(stage, read_config(config), payloads_of(stage, questions, None), wait_ms, per_node, clients)
    return measure(what, numbers(counts), environment=_environment(), seconds=seconds, rounds=rounds)


@benchmark
def hops(*, config: Config = None, questions: Questions = None, seconds: Seconds = 10, rounds: Rounds = 3) -> Reports:
    """What each hop costs, from a web server alone to this product: latency of one client, processor time of many."""
    from loadtest.scale.hops import measure
    from loadtest.scale.stages import payloads_of

    return measure(
        read_config(config),
        payloads_of(Stage.FAQ, questions, None),
        environment=_environment(),
        seconds=seconds,
        rounds=rounds,
    )


@benchmark
def autoscale(
    *,
    config: Config = None,
    stage: Annotated[Stage, typer.Option(help="What is loaded; waiting needs no core for a second replica.")] = (
        Stage.WAITING
    ),
    wait_ms: WaitMs = 5,
    photos: Photos = None,
    questions: Questions = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Requests/s before the step.  [default: 0.6 of one replica's most]")
    ] = None,
    factor: Annotated[float, typer.Option(min=1.1, help="How many times the rate in the step.")] = 3,
    before: Annotated[float, typer.Option(min=2, help="Seconds before the step.")] = 15,
    seconds: Annotated[float, typer.Option(min=5, help="Length of the step.")] = 30,
    max_replicas: Annotated[int, typer.Option(min=2, help="Replicas at the most.")] = 4,
    removal_seconds: Annotated[float, typer.Option(min=1, help="Little load before a replica is removed.")] = 60,
    target_ms: Annotated[
        float | None, typer.Option(min=0.1, help="p99's target.  [default: twice what it was before]")
    ] = None,
    rounds: Rounds = 1,
    plot: Annotated[Path | None, typer.Option(help="File for a picture, as in autoscale.svg.")] = None,
) -> Reports:
    """One replica at a steady load, then three times of it: when replicas come and go, p99, failed requests."""
    from loadtest.scale.autoscale import Shape, measure
    from loadtest.scale.stages import Subject, payloads_of

    subject = Subject(stage, read_config(config), payloads_of(stage, questions, photos), wait_ms, cache(_environment))
    return [
        measure(
            subject,
            Shape(rate, factor, before, seconds),
            max_replicas=max_replicas,
            removal_seconds=removal_seconds,
            target_ms=target_ms,
            rounds=rounds,
            plot=plot,
        )
    ]


@benchmark
def references(
    *,
    config: Config = None,
    photos: Photos = None,
    questions: Questions = None,
    router: Annotated[bool, typer.Option("--router/--no-router", help="Also the path without a model.")] = True,
    seconds: Seconds = 10,
    rounds: Rounds = 5,
) -> Reports:
    """The references' tests, 100 requests, 4 at a time, beside their published figures."""
    from loadtest.scale.references import measure
    from loadtest.scale.stages import payloads_of

    payloads = {stage: payloads_of(stage, questions, photos) for stage in (Stage.FAQ, Stage.IMAGE)}
    environment = _environment() if router else None
    return measure(read_config(config), payloads, environment=environment, seconds=seconds, rounds=rounds)


COMMANDS = (replicas, nodes, hops, autoscale, references)


def numbers(text: str) -> list[int]:
    """Read numbers of replicas or nodes, as in 1,2,4.

    Raises:
        BadParameter: they are none, or not above 0.
    """
    try:
        found = [int(each) for each in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise typer.BadParameter(f"'{text}' are no numbers as in 1,2,4.")
    return found


def _environment() -> dict[str, str]:
    from loadtest.scale.cluster import product_environment

    return product_environment()
