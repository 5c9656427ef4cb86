"""`scoring score`: questions and images for a running service."""

from __future__ import annotations

import typer

from serve_app.score.faq_command import faq
from serve_app.score.image_command import image

app = typer.Typer(no_args_is_help=True)


@app.callback()
def score() -> None:
    """Ask a running service.

    Exit codes: 0 answered; 1 refused; 2 wrong command line or file; 3 it may succeed later.
    """


app.command()(faq)
app.command()(image)
