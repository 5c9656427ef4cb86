"""`scoring models`: which models and versions a service has, changed while it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.models.options import (
    DefaultOption,
    InGatewayOption,
    JsonOption,
    KindOption,
    ModelArgument,
    SetOption,
    SettingsOption,
    VersionArgument,
    console,
    refused,
    settings_of,
)

if TYPE_CHECKING:
    from serve_app.models.local import LocalTarget

app = typer.Typer(no_args_is_help=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option(help="Config file; if left out, that of the service which runs here.", show_default=False),
]
PortOption = Annotated[
    int | None, typer.Option(help="Port of that service; if left out, the only one.", show_default=False)
]


@app.callback()
def models() -> None:
    """List, add and remove versions of models, and choose which answers by default.

    The config file changes, with its comments kept, and a service that runs from it follows: nothing else restarts.
    """


@app.command("list")
def list_models(*, config: ConfigOption = None, port: PortOption = None, as_json: JsonOption = False) -> None:
    """List the models and their versions."""
    with refused():
        from serve_app.config_file import read_config
        from serve_app.models.showing import rows, show

        target = _target(config, port)
        service = target.service()
        found = [*rows(read_config(target.path).settings(os.environ), target.failures())]
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in found], indent=2))
        return
    show(console(), found, f"{service.url}, from {target.path}" if service else None)


@app.command()
def add(
    model: ModelArgument,
    version: VersionArgument,
    *,
    kind: KindOption = None,
    given: SetOption = None,
    settings: SettingsOption = None,
    in_gateway: InGatewayOption = False,
    default: DefaultOption = False,
    config: ConfigOption = None,
    port: PortOption = None,
) -> None:
    """Add a version of a model; it is an application of its own, and nothing else restarts."""
    with refused():
        from serve_app.models.changing import ModelChanges

        target = _target(config, port)
        found = settings_of(settings, given)
        with console().status(f"Starting {model}/{version}"):
            ModelChanges(target).add(model, version, kind, found, in_gateway=in_gateway, default=default)
    _told(target, f"{model}/{version} is added{' and the default' if default else ''}")


@app.command()
def remove(
    model: ModelArgument,
    version: Annotated[
        str | None, typer.Argument(help="Name of the version; the whole model if left out.", show_default=False)
    ] = None,
    *,
    config: ConfigOption = None,
    port: PortOption = None,
) -> None:
    """Remove a version, or a model; requests that are under way are answered."""
    title = model if version is None else f"{model}/{version}"
    with refused():
        from serve_app.models.changing import ModelChanges

        target = _target(config, port)
        with console().status(f"Removing {title}"):
            ModelChanges(target).remove(model, version)
    _told(target, f"{title} is removed")


@app.command("default")
def make_default(
    model: ModelArgument, version: VersionArgument, *, config: ConfigOption = None, port: PortOption = None
) -> None:
    """Make a version the one that answers requests which name none."""
    with refused():
        from serve_app.models.changing import ModelChanges

        target = _target(config, port)
        ModelChanges(target).make_default(model, version)
    _told(target, f"{version} is the default of {model}")


def _target(config: Path | None, port: int | None) -> LocalTarget:
    # Here, so that who only asks a service needs no more than a client does.
    from serve_app.models.local import LocalTarget

    return LocalTarget(config, port)


def _told(target: LocalTarget, what: str) -> None:
    service = target.service()
    where = f"; in force at {service.url}" if service else f"; no service runs from {target.path} now"
    console().print(f"{what}{where}.", markup=False)
