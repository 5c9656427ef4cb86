"""`scoring image`: engines of the image classifier, networks converted for them, and their tuning."""

from __future__ import annotations

import typer

from serve_app.image_convert_command import convert
from serve_app.image_engines_command import engines
from serve_app.image_tune_command import tune

app = typer.Typer(no_args_is_help=True)
app.command()(engines)
app.command()(convert)
app.command()(tune)


@app.callback()
def image() -> None:
    """Choose an engine for the image classifier, convert networks for it, and tune it."""
