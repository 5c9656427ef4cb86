"""`scoring image`: engines of the image classifier, networks converted for them, and what images cost."""

from __future__ import annotations

import typer

from serve_app.image_convert_command import convert
from serve_app.image_cost_command import cost
from serve_app.image_engines_command import engines

app = typer.Typer(no_args_is_help=True)
app.command()(engines)
app.command()(convert)
app.command()(cost)


@app.callback()
def image() -> None:
    """Choose an engine for the image classifier, and convert networks for it."""
