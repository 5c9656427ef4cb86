"""`scoring image`: engines of the image classifier, networks converted for them, their tuning, and what images cost."""

from __future__ import annotations

import typer

from serve_app.image.convert_command import convert
from serve_app.image.cost_command import cost
from serve_app.image.engines_command import engines
from serve_app.image.tune_command import tune

app = typer.Typer(no_args_is_help=True)
app.command()(engines)
app.command()(convert)
app.command()(cost)
app.command()(tune)


@app.callback()
def image() -> None:
    """Choose an engine for the image classifier, convert networks for it, and tune it."""
