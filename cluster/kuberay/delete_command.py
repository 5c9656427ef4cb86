"""`scoring cluster delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.kuberay.command_options import ContextOption, SettingsArgument, console, reporter, web_service
from cluster.kuberay.waiting import GONE_SECONDS


def delete(
    settings: SettingsArgument,
    *,
    context: ContextOption = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="The keys of all clients, too; they cannot be had again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait until its pods are gone.")] = GONE_SECONDS,
) -> None:
    """Delete the web service and wait until its pods are gone; the namespace and the keys stay."""
    service = web_service(settings, context)
    if not yes:
        typer.confirm(
            f"Delete {service.settings.namespace}/{service.name}, which then answers no requests?", abort=True
        )
    shown_on = console()
    service.delete(keys=keys, report=reporter(shown_on), seconds=timeout)
    shown_on.print(f"{service.name} is deleted.")
