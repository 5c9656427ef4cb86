"""`scoring keys create|rotate|revoke|grant|rotate-signing`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from serve_app.keys.place import ClientArgument, ConfigOption, DirectoryOption, JsonOption, opened

_HOW_LONG = "A running service follows within 5 seconds."

RoleOption = Annotated[
    list[str],
    typer.Option("--role", help="scoring.invoke, scoring.invoke:MODEL or scoring.admin; may be given several times."),
]


class SlotName(StrEnum):
    """Which of a client's two keys."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


def create(
    *,
    client: ClientArgument,
    role: RoleOption = ["scoring.invoke"],  # noqa: B006 - Typer's default, never changed
    as_json: JsonOption = False,
    directory: DirectoryOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a client and print its two keys, once."""
    with opened(directory, config) as keys:
        new = keys.create(client, role)
    if as_json:
        typer.echo(json.dumps({"client": client, "primaryKey": new.primary.text, "secondaryKey": new.secondary.text}))
    else:
        typer.echo(f"primary    {new.primary.text}\nsecondary  {new.secondary.text}")
    typer.echo(
        f"Keep the keys now: only hashes are stored, so nobody can show them again. {_HOW_LONG}",
        err=True,
    )


def rotate(
    *,
    client: ClientArgument,
    slot: Annotated[SlotName, typer.Argument(help="Which key to replace; the other stays as it is.")],
    as_json: JsonOption = False,
    directory: DirectoryOption = None,
    config: ConfigOption = None,
) -> None:
    """Replace one key of a client and print the new one, once."""
    with opened(directory, config) as keys:
        key = keys.rotate(client, slot.value)
    typer.echo(
        json.dumps({"client": client, f"{slot.value}Key": key.text}) if as_json else f"{slot.value:9}  {key.text}"
    )
    typer.echo(
        f"Keep the key now: only a hash is stored, so nobody can show it again. {_HOW_LONG} "
        "The key before it, and tokens issued for it, end then.",
        err=True,
    )


def revoke(
    *,
    client: ClientArgument,
    slot: Annotated[
        SlotName | None, typer.Argument(help="Which key to take away; without it, the client and all that it has.")
    ] = None,
    directory: DirectoryOption = None,
    config: ConfigOption = None,
) -> None:
    """Take a key away from a client, or the client away altogether."""
    with opened(directory, config) as keys:
        keys.revoke(client, slot.value if slot else None)
    what = f"The {slot.value} key of {client}" if slot else f"The client {client}"
    typer.echo(f"{what} is revoked. {_HOW_LONG}", err=True)


def grant(
    *, client: ClientArgument, role: RoleOption, directory: DirectoryOption = None, config: ConfigOption = None
) -> None:
    """Give a client these roles in place of those that it has."""
    with opened(directory, config) as keys:
        keys.grant(client, role)
    typer.echo(f"{client} has the roles {', '.join(role)}. {_HOW_LONG}", err=True)


def rotate_signing(
    *,
    now: Annotated[bool, typer.Option("--now", help="End every token that was issued; clients get new ones.")] = False,
    directory: DirectoryOption = None,
    config: ConfigOption = None,
) -> None:
    """Sign tokens with a new key; those signed before stay valid, except with --now."""
    with opened(directory, config) as keys:
        keys.rotate_signing(at_once=now)
    typer.echo(
        f"Tokens are signed with a new key now; every token issued before is refused. {_HOW_LONG}"
        if now
        else "Tokens are signed with a new key in 10 seconds, when every replica knows it; older tokens stay valid.",
        err=True,
    )
