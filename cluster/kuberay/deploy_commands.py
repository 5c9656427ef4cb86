"""`scoring cluster deploy` and `update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cluster.images.delivery import deliver
from cluster.kuberay.command_options import (
    ContextOption,
    NoWaitOption,
    SettingsArgument,
    TimeoutOption,
    console,
    plain,
    reporter,
    wait_and_show,
    web_service,
)
from cluster.kuberay.waiting import READY_SECONDS

if TYPE_CHECKING:
    from cluster.web_service import WebService


def deploy(
    settings: SettingsArgument,
    *,
    context: ContextOption = None,
    timeout: TimeoutOption = READY_SECONDS,
    no_wait: NoWaitOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only have the cluster check every object; nothing changes.")
    ] = False,
    build: Annotated[bool, typer.Option("--build", help="First build the image, and push it, where missing.")] = False,
    load: Annotated[
        str | None,
        typer.Option(
            help="With --build: a command that gives a `docker save` archive to the nodes, in place of a registry; "
            "as in 'kind load image-archive'.",
            show_default=False,
        ),
    ] = None,
    build_network: Annotated[
        str | None, typer.Option(help="With --build: as `docker build --network`.", show_default=False)
    ] = None,
) -> None:
    """Create the web service, or make it what the settings say, and wait until it answers."""
    service = web_service(settings, context)
    if dry_run:
        service.ray_services.check(service.objects(), plain(console()))
        return
    if build:
        deliver(service.settings, reporter(console()), load=load, network=build_network)
    _apply(service, "deploy", timeout, no_wait=no_wait)


def update(
    settings: SettingsArgument,
    *,
    context: ContextOption = None,
    tag: Annotated[
        str | None, typer.Option(help="Tag of the image, in place of the settings' own.", show_default=False)
    ] = None,
    timeout: TimeoutOption = READY_SECONDS,
    no_wait: NoWaitOption = False,
) -> None:
    """Change the web service without an interruption; refuses where none is deployed."""
    service = web_service(settings, context)
    service.ray_services.read()
    if tag is not None:
        image = service.settings.image.model_copy(update={"tag": tag})
        service.settings = service.settings.model_copy(update={"image": image})
    _apply(service, "update" if tag is None else f"update to the image {tag}", timeout, no_wait=no_wait)


def _apply(service: WebService, note: str, timeout: float, *, no_wait: bool) -> None:
    shown_on = console()
    report = reporter(shown_on)
    try:
        applied = service.apply(note)
    finally:
        # What came after them may have been refused; nobody can show them again.
        _show_keys(service, shown_on)
    for line in applied.left:
        report(line)
    report(f"applied as revision {applied.revision}: {applied.how}")
    if not no_wait:
        wait_and_show(service, timeout, shown_on, report)


def _show_keys(service: WebService, shown_on: Console) -> None:
    keys = service.new_keys
    if keys is None:
        return
    client = service.settings.web_service.client
    shown_on.print(f"Keys of the client {escape(client)}:\n  primary    {keys.primary}\n  secondary  {keys.secondary}")
    kept = service.settings.web_service.keep_keys
    shown_on.print("They are kept in the cluster, too." if kept else "Keep them now: only hashes are stored.")
