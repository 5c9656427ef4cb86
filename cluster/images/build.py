"""Building an image, only where neither the engine nor the registry has it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from cluster.images.engine import Engine, is_in_registry
from cluster.images.pip_settings import BUNDLE, CONFIG, pip_settings
from cluster.images.source import DOCKERFILE, LOCKS, Target, repository, tag_of
from cluster.settings import ImageSettings

Outcome = Literal["built", "in the engine", "in the registry"]

# Docker passes these on to a build by itself, and keeps them out of the image's history.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def image_name(settings: ImageSettings, target: Target) -> str:
    """Return the whole name of an image: with the settings' tag, else with the hash of what it is made of.

    Raises:
        StartupError: no tag is set, and there is no source to take a hash of.
    """
    tag = settings.gpu_tag if target == "gpu" else settings.tag
    return f"{settings.repository}:{tag or tag_of(repository(), target, settings.base)}"


def build(
    settings: ImageSettings, target: Target, engine: Engine, *, network: str | None = None, force: bool = False
) -> Outcome:
    """Build an image unless it is there, and tell where it is.

    Args:
        settings: its repository, its base, its tag if it has one of its own.
        target: which one.
        engine: the Docker engine that builds.
        network: the engine's network for the build; the engine's default where there is none.
        force: builds although it is there.

    Raises:
        StartupError: the build failed, or the engine or the registry does not answer.
    """
    name = image_name(settings, target)
    if not force and engine.has(name):
        return "in the engine"
    if not force and is_in_registry(name) and engine.registry_has(name):
        return "in the registry"
    root = repository()
    with TemporaryDirectory() as directory:
        secrets = _secrets(Path(directory), os.environ)
        engine.build([*_options(name, root, target, settings.base, network), *secrets], root)
    return "built"


def _options(name: str, root: Path, target: Target, base: str, network: str | None) -> list[str]:
    arguments = {"BASE": base, "LOCK": LOCKS[target]}
    return [
        *("--file", str(root / DOCKERFILE), "--target", target, "--tag", name),
        *("--label", f"org.opencontainers.image.version={name.rpartition(':')[2]}"),
        *(part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")),
        *(part for key in _PROXIES if key in os.environ for part in ("--build-arg", key)),
        *(("--network", network) if network else ()),
    ]


def _secrets(directory: Path, environment: Mapping[str, str]) -> list[str]:
    """Write what pip is to know on its way to the package index; return options that mount it while it is used."""
    settings = pip_settings(environment)
    config = directory / CONFIG
    config.touch(mode=0o600)
    config.write_text(settings.config, encoding="utf-8")
    files = {CONFIG: config, **({BUNDLE: settings.bundle} if settings.bundle else {})}
    return [part for key, path in files.items() for part in ("--secret", f"id={key},src={path}")]
