"""Settings as YAML: whole config files, and lines for people to put into theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
import yaml


def config_yaml(content: Mapping[str, Any]) -> str:
    """Return settings in their order; no string is broken into lines."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=math.inf)


def model_yaml(kind: str, name: str, version: Mapping[str, Any]) -> str:
    """Return the lines under `args:` for a model of one version."""
    return config_yaml({"models": [{"kind": kind, "name": name, "versions": [version]}]})


def show_saved(directory: Path, kind: str, name: str) -> None:
    """Say where a model was saved, and how to serve it."""
    typer.echo(f"Saved in {directory}. To serve it, put these lines under `args:` of the config file:\n")
    typer.echo(model_yaml(kind, name, {"model": {"model_dir": str(directory.absolute())}}), nl=False)
