"""The command line: `scoring`."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deployments.errors import StartupError

COMMANDS = "scoring.commands"
FAILED = 1

app = typer.Typer(
    name="scoring",
    help="Self-hosted real-time scoring for Python models on Ray Serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        typer.echo(f"ray-scoring {version('ray-scoring')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    config: Annotated[
        Path | None, typer.Option(help="Ray Serve config file; without one, both models with their defaults.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="8000")] = None,
    grpc_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port for the Open Inference Protocol over gRPC.", show_default="no gRPC"),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of metrics for Prometheus.", show_default="a free one")
    ] = None,
) -> None:
    """Serve the models on this machine until Ctrl-C or SIGTERM."""
    from serve_app.serve_command import run

    run(config, host, port, grpc_port=grpc_port, metrics_port=metrics_port)


def main() -> None:
    """Run the command line, with the commands that other packages add."""
    for entry in entry_points(group=COMMANDS):
        app.add_typer(entry.load(), name=entry.name)
    try:
        app()
    except StartupError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        console.print(f"[red]Error:[/red] {escape(str(error))}")
        sys.exit(FAILED)
