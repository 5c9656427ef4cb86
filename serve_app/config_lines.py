"""Settings as YAML: config files for people to serve, or to take lines from for theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
import yaml

from serve_app.layout import lay_out


def config_yaml(content: Mapping[str, Any]) -> str:
    """Return settings in their order; no string is broken into lines."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=math.inf)


def model_yaml(kind: str, name: str, version: Mapping[str, Any]) -> str:
    """Return a whole config file that serves a model of one version, and nothing else."""
    return config_yaml(lay_out({"models": [{"kind": kind, "name": name, "versions": [version]}]}))


def show_saved(directory: Path, kind: str, name: str) -> None:
    """Say where a model was saved, and how to serve it."""
    typer.echo(f"Saved in {directory}. `scoring serve --config FILE` serves it, with these lines in FILE:\n")
    typer.echo(model_yaml(kind, name, {"model": {"model_dir": str(directory.absolute())}}), nl=False)
