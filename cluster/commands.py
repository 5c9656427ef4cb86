"""`scoring cluster`: a module for each command."""

from __future__ import annotations

import typer

from cluster.doctor.commands import doctor
from cluster.images.commands import app as image
from cluster.kuberay.commands import add_to as add_kuberay_to
from cluster.manifests.render_command import render

app = typer.Typer(help="Run the application on Kubernetes.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


app.add_typer(image, name="image")
app.command()(doctor)
app.command()(render)
add_kuberay_to(app)
