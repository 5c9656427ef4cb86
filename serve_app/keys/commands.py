"""`scoring keys`: who may send requests, changed while the service runs."""

from __future__ import annotations

import typer

from serve_app.keys.change_commands import create, grant, revoke, rotate, rotate_signing
from serve_app.keys.list_command import list_clients

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Give keys to clients, replace them and take them away; a running service follows within 5 seconds."""


app.command()(create)
app.command("list")(list_clients)
app.command()(rotate)
app.command()(revoke)
app.command()(grant)
app.command()(rotate_signing)
