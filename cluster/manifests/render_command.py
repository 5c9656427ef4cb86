"""`scoring cluster render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.manifests.objects import objects
from cluster.manifests.yaml_text import file_name, to_text
from cluster.settings import read_settings
from deployments.errors import StartupError

SettingsArgument = Annotated[Path, typer.Argument(help="Settings of the cluster: a YAML file.", show_default=False)]


def render(
    settings: SettingsArgument,
    output: Annotated[
        Path | None, typer.Option(help="A directory for one file each; without it, all to standard output.")
    ] = None,
) -> None:
    """Write the objects that `deploy` would apply, as YAML that one can read, keep and apply oneself."""
    found = objects(read_settings(settings))
    if output is None:
        typer.echo(to_text(found), nl=False)
        return
    _write(output, {file_name(number, each): to_text([each]) for number, each in enumerate(found)})
    typer.echo(f"{len(found)} files in {output}; kubectl apply --server-side -f {output} applies them.", err=True)


def _write(directory: Path, files: dict[str, str]) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # What an earlier call wrote and the settings no longer ask for must not be applied.
        strangers = sorted(path.name for path in directory.iterdir() if path.name not in files)
        if strangers:
            raise StartupError(f"{directory} holds other files ({', '.join(strangers[:3])}): choose another --output.")
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartupError(f"{directory} cannot be written: {error.strerror}.") from None
