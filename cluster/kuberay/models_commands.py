"""`scoring cluster models`: which models and versions a service in a cluster has, changed while it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.kuberay.command_options import (
    ContextOption,
    SettingsArgument,
    TimeoutOption,
    console,
    reporter,
    web_service,
)
from cluster.kuberay.waiting import READY_SECONDS
from serve_app.models.options import (
    DefaultOption,
    InGatewayOption,
    JsonOption,
    KindOption,
    ModelArgument,
    SetOption,
    SettingsOption,
    VersionArgument,
    settings_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.kuberay.models_target import ClusterTarget

app = typer.Typer(no_args_is_help=True)


@app.callback()
def models() -> None:
    """List, add and remove versions of models, and choose which answers by default.

    The config file that the settings name changes, with its comments kept, and is applied: no pod is replaced.
    """


@app.command("list")
def list_models(settings: SettingsArgument, *, as_json: JsonOption = False) -> None:
    """List the models and their versions, as the config file has them; `scoring cluster status` tells how they fare."""
    from cluster.manifests.application import environment
    from cluster.settings import read_settings
    from serve_app.config_file import read_config
    from serve_app.models.showing import rows, show

    read = read_settings(settings)
    found = [*rows(read_config(read.application).settings(environment(read)), {})]
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in found], indent=2))
        return
    show(console(), found, None)


@app.command()
def add(
    settings: SettingsArgument,
    model: ModelArgument,
    version: VersionArgument,
    *,
    kind: KindOption = None,
    given: SetOption = None,
    version_settings: SettingsOption = None,
    in_gateway: InGatewayOption = False,
    default: DefaultOption = False,
    context: ContextOption = None,
    timeout: TimeoutOption = READY_SECONDS,
) -> None:
    """Add a version of a model; it is an application of its own, and nothing else restarts."""
    from serve_app.models.changing import ModelChanges

    changes = ModelChanges(_target(settings, context, timeout))
    found = settings_of(version_settings, given)
    changes.add(model, version, kind, found, in_gateway=in_gateway, default=default)


@app.command()
def remove(
    settings: SettingsArgument,
    model: ModelArgument,
    version: Annotated[
        str | None, typer.Argument(help="Name of the version; the whole model if left out.", show_default=False)
    ] = None,
    *,
    context: ContextOption = None,
    timeout: TimeoutOption = READY_SECONDS,
) -> None:
    """Remove a version, or a model; requests that are under way are answered."""
    from serve_app.models.changing import ModelChanges

    ModelChanges(_target(settings, context, timeout)).remove(model, version)


@app.command("default")
def make_default(
    settings: SettingsArgument,
    model: ModelArgument,
    version: VersionArgument,
    *,
    context: ContextOption = None,
    timeout: TimeoutOption = READY_SECONDS,
) -> None:
    """Make a version the one that answers requests which name none."""
    from serve_app.models.changing import ModelChanges

    ModelChanges(_target(settings, context, timeout)).make_default(model, version)


def _target(settings: Path, context: str | None, timeout: float) -> ClusterTarget:
    from cluster.kuberay.models_target import ClusterTarget

    return ClusterTarget(web_service(settings, context), reporter(console()), timeout)
