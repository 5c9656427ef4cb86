"""Results as tables for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from serve_app.client import Origin, Prediction

# Elements of a list that a table shows; JSON has all.
SHOWN_ELEMENTS = 8


def printable(text: str) -> str:
    """Return a text that cannot steer the terminal, in one line."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "�" for each in text)


def console() -> Console:
    """Return what shows texts as they are."""
    return Console(highlight=False, markup=False, emoji=False)


def told(origin: Origin) -> dict[str, str]:
    """Return who answered, for a line of JSON."""
    return {
        "model": origin.model,
        "version": origin.version,
        "weights": origin.weights,
        "request_id": origin.request_id,
    }


def without_nothing(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is."""
    return {name: value for name, value in content.items() if value is not None}


def line(**content: Any) -> str:
    """Return a line of JSON."""
    return json.dumps(content, ensure_ascii=True)


def warn_of_weights(origin: Origin) -> None:
    """Say on standard error that answers mean nothing."""
    if origin.weights == "untrained":
        typer.echo("Warning: the model is untrained; its answers mean nothing.", err=True)


def show_prediction(prediction: Prediction) -> None:
    """Print the outputs: a column for each, and a line for each row where all have as many."""
    table = Table(box=None, pad_edge=False)
    outputs = prediction.outputs
    lengths = {len(values) if isinstance(values, list) else -1 for values in outputs.values()}
    for name in outputs:
        table.add_column(printable(name), overflow="fold")
    if len(lengths) == 1 and -1 not in lengths:
        for row in zip(*outputs.values(), strict=True):
            table.add_row(*map(_cell, row))
    else:
        table.add_row(*map(_cell, outputs.values()))
    console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        parts = [_cell(each) for each in value[:SHOWN_ELEMENTS]]
        return ", ".join([*parts, *(["..."] if len(value) > SHOWN_ELEMENTS else [])])
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
