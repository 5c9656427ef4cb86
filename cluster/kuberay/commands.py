"""`scoring cluster deploy|status|logs|update|scale|rollback|delete|models`: on one command line."""

from __future__ import annotations

import typer

from cluster.kuberay.delete_command import delete
from cluster.kuberay.deploy_commands import deploy, update
from cluster.kuberay.logs_command import logs
from cluster.kuberay.models_commands import app as models_app
from cluster.kuberay.revision_commands import rollback, scale
from cluster.kuberay.status_command import status


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models_app, name="models")
    for command in (deploy, status, logs, update, scale, rollback, delete):
        app.command()(command)
