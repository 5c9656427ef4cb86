"""`scoring cluster rollback` and `scale`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cluster.kuberay.command_options import (
    ContextOption,
    NoWaitOption,
    SettingsArgument,
    TimeoutOption,
    console,
    reporter,
    wait_and_show,
    web_service,
)
from cluster.kuberay.ray_services import RayServices
from cluster.kuberay.sizes import Bounds
from cluster.kuberay.waiting import READY_SECONDS


def rollback(
    settings: SettingsArgument,
    *,
    context: ContextOption = None,
    to: Annotated[
        int | None, typer.Option(min=1, help="Number of the revision.", show_default="the one before the present one")
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Show the revisions that are kept.")] = False,
    timeout: TimeoutOption = READY_SECONDS,
    no_wait: NoWaitOption = False,
) -> None:
    """Bring back a revision of the RayService, as it was deployed then."""
    service = web_service(settings, context)
    if list_only:
        console().print(_table(service.ray_services))
        return
    shown_on = console()
    report = reporter(shown_on)
    applied = service.ray_services.roll_back(to)
    report(f"applied as revision {applied.revision}: {applied.how}")
    if not no_wait:
        wait_and_show(service, timeout, shown_on, report)


def scale(
    settings: SettingsArgument,
    group: Annotated[str, typer.Argument(help="The worker group.", show_default=False)],
    *,
    least: Annotated[int, typer.Option("--min", min=0, help="Pods at the least.")],
    most: Annotated[int, typer.Option("--max", min=1, help="Pods at the most.")],
    context: ContextOption = None,
) -> None:
    """Give a worker group other bounds at once; the next deployment goes by its settings again."""
    service = web_service(settings, context)
    applied = service.ray_services.scale(group, Bounds(least, most))
    typer.echo(f"Revision {applied.revision}: {applied.how}.")
    typer.echo(f"To keep it, put it into {settings}, too.", err=True)


def _table(ray_services: RayServices) -> Table:
    table = Table("Revision", "Deployed", "By", "Image", box=None, pad_edge=False)
    for each in ray_services.revisions.all():
        table.add_row(str(each.number), f"{each.deployed:%Y-%m-%d %H:%M:%S}", escape(each.note), escape(each.image))
    return table
