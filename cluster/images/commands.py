"""`scoring cluster image`: the container image of all pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.images.build import build as build_image
from cluster.images.build import image_name
from cluster.images.engine import find_engine, is_in_registry
from cluster.images.source import Target
from cluster.settings import ImageSettings, read_settings
from deployments.errors import StartupError

app = typer.Typer(help="The container image: its tag, building, pushing, what is in it.", no_args_is_help=True)
console = Console(stderr=True, highlight=False, soft_wrap=True)

Settings = Annotated[Path | None, typer.Option("--settings", help="Settings of the cluster; without, the defaults.")]
ForTarget = Annotated[Target, typer.Option("--target", help="cpu: OpenVINO, no torch. gpu: torch with CUDA.")]


@app.command()
def tag(settings: Settings = None, target: ForTarget = "cpu") -> None:
    """Print the image's whole name, whose tag is a hash of lock, Dockerfile and source."""
    typer.echo(image_name(_read(settings), target))


@app.command()
def build(
    settings: Settings = None,
    target: ForTarget = "cpu",
    network: Annotated[str | None, typer.Option(help="Network of the build, as in `docker build --network`.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Build although the image is there.")] = False,  # noqa: FBT002
) -> None:
    """Build the image unless the Docker engine or the registry has it; print its whole name."""
    read = _read(settings)
    engine = find_engine()
    name = image_name(read, target)
    outcome = build_image(read, target, engine, network=network, force=force)
    console.print(f"{name}: built, {engine.size(name) / 1e9:.2f} GB" if outcome == "built" else f"{name} is {outcome}")
    typer.echo(name)


@app.command()
def push(settings: Settings = None, target: ForTarget = "cpu") -> None:
    """Push the image to the registry that its name begins with, unless it is there."""
    engine = find_engine()
    name = image_name(_read(settings), target)
    if not is_in_registry(name):
        raise StartupError(
            f"{name} names no registry; set image.repository to one, as in registry.example/ray-scoring."
        )
    if not engine.registry_has(name):
        engine.push(name)
    typer.echo(name)


@app.command()
def sbom(
    settings: Settings = None,
    target: ForTarget = "cpu",
    output: Annotated[Path | None, typer.Option(help="File to write; without, standard output.")] = None,
) -> None:
    """Write the image's bill of materials (CycloneDX, JSON): Python's distributions and Debian's packages."""
    from cluster.images.sbom import bill_of_materials

    text = bill_of_materials(image_name(_read(settings), target), find_engine())
    if output is None:
        typer.echo(text)
        return
    output.write_text(text, encoding="utf-8")
    console.print(f"{output}: {len(json.loads(text)['components'])} components")


def _read(settings: Path | None) -> ImageSettings:
    return ImageSettings() if settings is None else read_settings(settings).image
