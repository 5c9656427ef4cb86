"""`scoring keys list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from serve_app.keys.place import ConfigOption, DirectoryOption, JsonOption, opened

if TYPE_CHECKING:
    from deployments.ingress.access.key_file import Client
    from deployments.ingress.access.keys import StoredKey


def list_clients(
    *, as_json: JsonOption = False, directory: DirectoryOption = None, config: ConfigOption = None
) -> None:
    """List clients, their roles, and their keys' public identifiers and dates."""
    with opened(directory, config) as keys:
        clients = keys.read().clients
    if as_json:
        typer.echo(json.dumps([_as_json(client) for client in clients], indent=2))
        return
    if not clients:
        typer.echo(f"There is no client in {keys.path}; `scoring keys create NAME` makes one.", err=True)
        return
    table = Table("Client", "Roles", "Primary", "Secondary", box=None, pad_edge=False)
    for client in clients:
        table.add_row(client.id, ", ".join(client.roles), _shown(client.primary), _shown(client.secondary))
    Console(highlight=False, markup=False, emoji=False).print(table)


def _shown(key: StoredKey | None) -> str:
    return f"{key.id} ({key.created:%Y-%m-%d})" if key else "-"


def _as_json(client: Client) -> dict[str, object]:
    described: dict[str, object] = {"client": client.id, "roles": client.roles, "created": client.created.isoformat()}
    for slot, key in client.keys.items():
        described[slot] = {"id": key.id, "created": key.created.isoformat()}
    return described
