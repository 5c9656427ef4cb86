"""`scoring cluster`: a module for each command."""

from __future__ import annotations

import typer

from cluster.doctor.commands import doctor
from cluster.manifests.render_command import render

app = typer.Typer(help="Run the application on Kubernetes.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


app.command()(doctor)
app.command()(render)
