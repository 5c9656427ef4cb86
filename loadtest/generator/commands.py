"""`scoring loadtest`: load for a service, and what follows from it."""

# What a command needs is imported when it runs, so that `scoring` itself starts at once. Nothing here imports Locust,
# which would replace parts of Python's library in this process (`loadtest.generator.__main__`).
# ruff: noqa: PLC0415

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from loadtest.generator import options as own
from loadtest.generator.arrivals import Arrivals

app = typer.Typer(no_args_is_help=True)


@app.callback()
def loadtest() -> None:
    """Send load to a service, and say what it did and whether that can be trusted.

    Exit codes: 0 measured; 1 not possible; 3 measured, but the generator could not do what was wanted; 4 a soak did not
    pass.
    """


@app.command()
def run(
    *,
    url: own.Url = own.DEFAULT_URL,
    scenario: own.ScenarioOption = None,
    rate: Annotated[
        str | None, typer.Option(help="Requests per second, whatever becomes of them: 50, or steps: 10,20,40/30s.")
    ] = None,
    clients: Annotated[
        int | None, typer.Option(min=1, help="Requests out at any time; each waits for its answer.")
    ] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="With --clients: how many in all.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of the run, or of each step.")] = 30,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of the same load before, which do not count.")] = 5,
    arrivals: own.ArrivalsOption = Arrivals.CONSTANT,
    bad: own.Bad = 0,
    data: own.Data = None,
    model_name: own.ModelName = None,
    model_version: own.ModelVersion = "1",
    timeout: own.Timeout = 60,
    seed: own.Seed = 1,
    workers: own.Workers = None,
    remote_workers: own.RemoteWorkers = 0,
    bind: own.Bind = "127.0.0.1:0",
    key_file: own.KeyFile = None,
    token_file: own.TokenFile = None,
    server_pid: own.ServerPid = None,
    metrics_url: own.MetricsUrl = "",
    out: own.Out = None,
    check: own.Check = True,
) -> None:
    """Load a service: at a rate, in steps of rates, or by clients that wait for answers."""
    from loadtest.generator.load_kinds import default_scenario
    from loadtest.generator.run_command import Load, run_load
    from loadtest.generator.targets import running_target

    with own.errors_told():
        target = running_target(url, server_pid, metrics_url, key_file, token_file)
        load = Load(
            texts=scenario or [default_scenario()],
            sources=own.sources(data, model_name, model_version),
            bad=bad,
            arrivals=arrivals,
            timeout=timeout,
            seed=seed,
            workers=workers,
            remote_workers=remote_workers,
            bind=bind,
            key_file=key_file,
            token_file=token_file,
            check=check,
        )
        code = run_load(
            load, target, rate=rate, clients=clients, requests=requests, seconds=seconds, warm_up=warm_up, out=out
        )
    raise typer.Exit(code)


@app.command()
def worker(
    *,
    master: Annotated[str, typer.Option(help="HOST or HOST:PORT that `run --bind` listens on.")],
    key_file: own.KeyFile = None,
    token_file: own.TokenFile = None,
) -> None:
    """Send from this machine what a master on another one plans; ends with it."""
    from loadtest.generator.processes import command, worker_arguments

    with own.errors_told():
        host, port = own.address_of(master)
    raise typer.Exit(
        subprocess.run(command("worker", worker_arguments(host, port, key_file, token_file)), check=False).returncode
    )


@app.command()
def capacity(
    *,
    url: own.OwnUrl = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model, and the scenario where none is named.", show_default="the first scenario"),
    ] = None,
    scenario: own.ScenarioOption = None,
    p99_ms: Annotated[float, typer.Option(min=0.1, help="What p99 must stay below, in milliseconds.")] = 100,
    errors: Annotated[float, typer.Option(min=0, max=1, help="Share of requests that may fail.")] = 0,
    first_rate: Annotated[float, typer.Option(min=0.1, help="Rate to begin with; it doubles while it is good.")] = 2,
    most_rate: Annotated[float, typer.Option(min=0.1, help="Rate beyond which nobody is interested.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each step.")] = 15,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of the same rate before each step.")] = 3,
    arrivals: own.ArrivalsOption = Arrivals.POISSON,
    config: Annotated[
        Path | None, typer.Option(help="Of the service that is started; without one, the defaults.", show_default=False)
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Of the model: to start, or that the service has.")
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="That the service may use.", show_default="this machine's")
    ] = None,
    data: own.Data = None,
    model_name: own.ModelName = None,
    model_version: own.ModelVersion = "1",
    seed: own.Seed = 1,
    workers: own.Workers = None,
    key_file: own.KeyFile = None,
    token_file: own.TokenFile = None,
    server_pid: own.ServerPid = None,
    metrics_url: own.MetricsUrl = "",
    out: own.Out = None,
) -> None:
    """Find the highest rate whose p99 stays below what is wanted; `scoring size` reads what it writes."""
    from loadtest.generator.capacity_command import Wanted, find_capacity
    from loadtest.generator.load_kinds import default_scenario
    from loadtest.generator.run_command import Load

    with own.errors_told():
        named = model or default_scenario()
        load = Load(
            texts=scenario or [named],
            sources=own.sources(data, model_name, model_version),
            arrivals=arrivals,
            seed=seed,
            workers=workers,
            key_file=key_file,
            token_file=token_file,
        )
        wanted = Wanted(named, p99_ms, errors, first_rate, most_rate, seconds, warm_up, replicas, cores)
        code = find_capacity(
            load, wanted, url=url, config=config, server_pid=server_pid, metrics_url=metrics_url, out=out
        )
    raise typer.Exit(code)


@app.command()
def soak(
    *,
    url: own.OwnUrl = None,
    hours: Annotated[float, typer.Option(min=0.005, help="How long, after the warm-up.")] = 1,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Requests per second.", show_default="as --share says")
    ] = None,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Of what 16 clients get, if there is no --rate.")] = 0.3,
    scenario: own.ScenarioOption = None,
    bad: own.Bad = 0.01,
    warm_up: Annotated[float | None, typer.Option(min=0, help="Seconds before.", show_default="a tenth")] = None,
    arrivals: own.ArrivalsOption = Arrivals.POISSON,
    config: Annotated[
        Path | None, typer.Option(help="Of the service that is started; without one, the defaults.", show_default=False)
    ] = None,
    data: own.Data = None,
    model_name: own.ModelName = None,
    model_version: own.ModelVersion = "1",
    timeout: own.Timeout = 60,
    seed: own.Seed = 1,
    workers: own.Workers = None,
    key_file: own.KeyFile = None,
    token_file: own.TokenFile = None,
    server_pid: own.ServerPid = None,
    metrics_url: own.MetricsUrl = "",
    out: own.Out = None,
) -> None:
    """Send mixed traffic for hours: does anything fail, grow or slow down?"""
    from loadtest.generator.run_command import Load
    from loadtest.generator.soak_command import run_soak

    with own.errors_told():
        load = Load(
            texts=scenario or [],
            sources=own.sources(data, model_name, model_version),
            bad=bad,
            arrivals=arrivals,
            timeout=timeout,
            seed=seed,
            workers=workers,
            key_file=key_file,
            token_file=token_file,
        )
        code = run_soak(
            load, url=url, config=config, server_pid=server_pid, metrics_url=metrics_url, seconds=hours * 3600,
            rate=rate, share=share, warm_up=warm_up, out=out,
        )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="What a run has left.")]) -> None:
    """Make the HTML report of a run again from its results.json."""
    from loadtest.generator.folder import write_report

    with own.errors_told():
        typer.echo(write_report(folder))


@app.command()
def scenarios() -> None:
    """List what can be sent."""
    from loadtest.generator.scenarios import OTHERS, known_scenarios

    with own.errors_told():
        for name, description in {**known_scenarios(), **OTHERS}.items():
            typer.echo(f"{name:18} {description}")


if __name__ == "__main__":
    app()
