"""What the commands that change models share, here and in a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from deployments.errors import StartupError
from serve_app.refusals import refusals

ModelArgument = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
VersionArgument = Annotated[str, typer.Argument(help="Name of the version.", show_default=False)]
KindOption = Annotated[
    str | None, typer.Option(help="Kind of a model that is new, as in faq_matcher.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of the version, as in model.model_dir=/models/2.", show_default=False),
]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="YAML file with settings of the version.", show_default=False)
]
InGatewayOption = Annotated[
    bool, typer.Option("--in-gateway", help="Have it in the gateway's process, without replicas of its own.")
]
DefaultOption = Annotated[bool, typer.Option("--default", help="Make it the default once it answers.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def console() -> Console:
    """Return where results are shown."""
    return Console(highlight=False, soft_wrap=True, emoji=False)


@contextmanager
def refused() -> Iterator[None]:
    """End the command with a sentence where it cannot go on."""
    with refusals(extra="serve"):
        yield


def settings_of(file: Path | None, given: list[str] | None) -> dict[str, Any]:
    """Return the settings of a version out of a file and of options, which go before the file.

    Raises:
        StartupError: the file cannot be read, or an option has no value.
    """
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            raise StartupError(f"{file} cannot be read as YAML.") from None
        if not isinstance(loaded, dict):
            raise StartupError(f"{file} must hold settings by key.")
        settings = loaded
    for each in given or []:
        _put(settings, each)
    return settings


def _put(settings: dict[str, Any], option: str) -> None:
    key, equals, text = option.partition("=")
    if not key or not equals:
        raise StartupError(f"--set {option}: give a key and a value, as in scaling.max_replicas=2.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise StartupError(f"--set {option}: the value is no YAML.") from None
    *way, last = key.split(".")
    place = settings
    for step in way:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise StartupError(f"--set {option}: {step} is a value already, and holds no settings.")
    place[last] = value
