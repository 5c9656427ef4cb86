"""`scoring cluster logs`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from cluster.kuberay.command_options import ContextOption, SettingsArgument, console, web_service
from cluster.kuberay.logs import Log, container_logs, pods, ray_logs
from cluster.kuberay.views import Pod
from cluster.kubernetes.api import Api
from cluster.printable import printable
from deployments.errors import StartupError


def logs(
    settings: SettingsArgument,
    *,
    context: ContextOption = None,
    pod: Annotated[str, typer.Option(help="Pods whose name or part matches, such as head or 'worker of cpu'.")] = "*",
    lines: Annotated[int, typer.Option(min=1, max=100_000, help="Of each process, the last ones.")] = 50,
    ray: Annotated[
        bool, typer.Option("--ray", help="Files of Ray's own processes too: replicas, proxies, the controller.")
    ] = False,
    file: Annotated[str, typer.Option(help="With --ray: files that match, such as 'serve/*'.")] = "*",
    previous: Annotated[bool, typer.Option("--previous", help="Of containers before their last restart.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="One container's lines as they come.")] = False,
) -> None:
    """Show what every process of the web service printed."""
    service = web_service(settings, context)
    api, namespace = service.ray_services.api, service.settings.namespace
    found = pods(api, service.name, namespace, pod)
    if not found:
        raise StartupError(f"{service.name} has no pod that matches {pod}; `scoring cluster status` lists them.")
    if follow:
        _follow(api, found, namespace, lines)
        return
    shown_on = console()
    for each in found:
        for log in container_logs(api, each, namespace, lines, previous=previous):
            _show(shown_on, log)
        if ray and each.is_ready:
            for log in ray_logs(api, each, namespace, lines, file):
                _show(shown_on, log)


def _show(shown_on: Console, log: Log) -> None:
    shown_on.print(f"==> {log.pod} ({log.role}) {log.source} <==", style="bold", markup=False)
    for line in log.lines:
        shown_on.print(line, markup=False)


def _follow(api: Api, found: list[Pod], namespace: str, lines: int) -> None:
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise StartupError(f"Several pods match, and one can be followed; name it with --pod: {names}.")
    container = found[0].spec.containers[0].name
    for line in api.follow_log(found[0].name, namespace, container, lines=lines):
        typer.echo(printable(line))
