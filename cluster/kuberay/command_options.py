"""What the commands share: settings, the cluster, how progress is shown."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cluster.kuberay.progress import Report

if TYPE_CHECKING:
    from cluster.web_service import WebService

SettingsArgument = Annotated[Path, typer.Argument(help="File of the cluster's settings.", show_default=False)]
ContextOption = Annotated[
    str | None, typer.Option(help="Context of KUBECONFIG, in place of its current one.", show_default=False)
]
TimeoutOption = Annotated[float, typer.Option(min=1, help="Seconds to wait until it is ready.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Return once it is applied.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def web_service(settings: Path, context: str | None) -> WebService:
    """Return the service of a command line."""
    from cluster.web_service import WebService

    return WebService(settings, context=context)


def console() -> Console:
    """Return where results are shown."""
    return Console(highlight=False, soft_wrap=True, emoji=False)


def plain(shown_on: Console) -> Report:
    """Return what shows lines as they are."""
    return lambda text: shown_on.print(text, markup=False)


def reporter(shown_on: Console) -> Report:
    """Return what shows lines of progress with the seconds that have gone by."""
    started = time.monotonic()

    def report(text: str) -> None:
        colour = "red" if text.startswith("! ") else "none"
        shown = f"[{colour}]{escape(text)}[/{colour}]"
        shown_on.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {shown}")

    return report


def wait_and_show(service: WebService, timeout: float, shown_on: Console, report: Report) -> None:
    """Wait until the service is ready, and say where it answers.

    Raises:
        NotReady: it is not; the message says why.
    """
    service.wait_for_deployment(timeout_seconds=timeout, report=report)
    shown_on.print(f"[bold green]Ready:[/bold green] {escape(service.url)}")
