"""`scoring faq`: the FAQ matcher on your own questions, from raw data to a model that is measured and kept up."""

from __future__ import annotations

import typer

from serve_app.faq.add_command import add
from serve_app.faq.evaluate_command import evaluate
from serve_app.faq.prepare_command import prepare
from serve_app.faq.train_command import train
from serve_app.faq.tune_command import tune

app = typer.Typer(no_args_is_help=True)


@app.callback()
def faq() -> None:
    """Match questions with the originals of a FAQ: prepare data, train, tune, evaluate, add."""


# In the order in which they are used.
for command in (prepare, train, tune, evaluate, add):
    app.command()(command)
