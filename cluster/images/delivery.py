"""Images on their way to a cluster's nodes: built where they are missing, then pushed or loaded."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster.images.build import build, image_name
from cluster.images.engine import Engine, find_engine, is_in_registry
from cluster.images.source import Target
from cluster.settings import ClusterSettings, ImageSettings
from deployments.errors import StartupError


def deliver(
    settings: ClusterSettings,
    report: Callable[[str], None],
    *,
    load: str | None = None,
    network: str | None = None,
    engine: Engine | None = None,
) -> None:
    """Build what the pods' images lack, and bring it where nodes find it.

    Args:
        settings: of the cluster; images for GPUs only where a group has GPUs.
        report: gets a line for each step.
        load: a command that takes the path of a `docker save` archive and gives it to the nodes, such as
            `kind load image-archive`; without it, images are pushed to the registry of their name.
        network: the engine's network for the build.
        engine: that builds; the one on the path where none is given.

    Raises:
        StartupError: a step failed, or there is neither a registry nor a command to load with.
    """
    engine = engine or find_engine()
    targets: list[Target] = ["cpu", "gpu"] if any(group.gpus for group in settings.workers) else ["cpu"]
    for target in targets:
        name = image_name(settings.image, target)
        if load is None and not is_in_registry(name):
            raise StartupError(
                f"{name} names no registry: set image.repository to one, or say with --load how nodes get it, "
                "as in --load 'kind load image-archive'."
            )
        where = _built(settings.image, target, engine, network, report)
        if load is not None:
            _load(engine, name, load, report)
        elif where != "in the registry":
            engine.push(name)
            report(f"{name}: pushed")


def _built(
    image: ImageSettings, target: Target, engine: Engine, network: str | None, report: Callable[[str], None]
) -> str:
    outcome = build(image, target, engine, network=network)
    report(f"{image_name(image, target)}: {outcome}")
    return outcome


def _load(engine: Engine, name: str, command: str, report: Callable[[str], None]) -> None:
    with TemporaryDirectory() as directory:
        archive = Path(directory) / "image.tar"
        engine.save(name, archive)
        try:
            done = subprocess.run([*shlex.split(command), str(archive)], capture_output=True, text=True, check=False)  # noqa: S603
        except OSError as error:
            raise StartupError(f"`{command}` cannot be run: {error.strerror}.") from None
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise StartupError(f"`{command}` did not load {name}: {told[-1]}")
    report(f"{name}: loaded")
