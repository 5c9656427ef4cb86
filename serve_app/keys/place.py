"""Where the keys are that `scoring keys` changes, and how it refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.errors import StartupError

if TYPE_CHECKING:
    from deployments.ingress.access.access_directory import AccessDirectory

REFUSED = 2

DirectoryOption = Annotated[
    Path | None,
    typer.Option(help="Directory of the keys, as in the settings `ingress.access.directory`.", show_default=False),
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="Config file of the service, which says where its keys are.", show_default=False)
]
ClientArgument = Annotated[str, typer.Argument(help="Name of the client.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def opened(directory: Path | None, config: Path | None) -> Iterator[AccessDirectory]:
    """Give the directory of the keys; an error inside the block ends the command with a sentence and exit code 2."""
    try:
        from deployments.ingress.access.access_directory import AccessDirectory

        yield AccessDirectory(_place(directory, config))
    except StartupError as error:
        typer.echo(str(error), err=True)
    except ImportError as error:
        typer.echo(f"{error.name} is not installed: install it with `pip install 'ray-scoring[serve]'`.", err=True)
    else:
        return
    raise typer.Exit(REFUSED)


def _place(directory: Path | None, config: Path | None) -> Path:
    from deployments.ingress.access.settings import default_directory

    if directory is not None:
        return directory
    if config is None:
        return default_directory()
    from serve_app.config_file import read_config

    return read_config(config).settings(os.environ).ingress.access.place
