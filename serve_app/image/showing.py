"""Classes as a table for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import typer
from rich.bar import Bar
from rich.table import Table

from serve_app.score.showing import console, line, printable, told, without_nothing

if TYPE_CHECKING:
    from serve_app.image.results import ImageResult

BAR_WIDTH = 30


def classes_table(result: ImageResult) -> Table:
    """Return a row with a bar for each class, most probable first."""
    table = Table("Class", box=None, pad_edge=False)
    table.add_column("Probability", justify="right")
    table.add_column(width=BAR_WIDTH)
    for each in result.classes:
        bar = Bar(1.0, 0.0, each.probability, width=BAR_WIDTH)
        table.add_row(printable(each.label), f"{each.probability:.1%}", bar)
    return table


def show_classes(result: ImageResult) -> None:
    """Print the classes of an image."""
    console().print(classes_table(result))
    if result.explanation is not None:
        found = result.explanation
        typer.echo(f"Explained: {printable(found.label)} ({found.probability:.1%}), by {found.method}.")


def image_json(name: str, result: ImageResult, heat_map: str | None) -> str:
    """Return a line of JSON; `heat_map` is the file that it was written to."""
    content: dict[str, Any] = {"classes": [dataclasses.asdict(each) for each in result.classes]}
    if result.explanation is not None:
        found = result.explanation
        parts = {part.name: getattr(found, part.name) for part in dataclasses.fields(found) if part.name != "heat_map"}
        content["explanation"] = without_nothing({**parts, "heat_map": heat_map})
    return line(image=name, **content, **told(result.origin))


def error_json(name: str, code: str, detail: str) -> str:
    """Return a line of JSON for an image that has no result."""
    return line(image=name, error={"code": code, "detail": detail})
