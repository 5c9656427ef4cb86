"""`scoring cluster`: a module for each command."""

from __future__ import annotations

import typer

from cluster.kuberay.commands import add_to as add_kuberay_to

app = typer.Typer(help="Run the application on Kubernetes.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


add_kuberay_to(app)
