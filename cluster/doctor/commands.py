"""`scoring cluster doctor`."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cluster.doctor.findings import Stage

if TYPE_CHECKING:
    from cluster.doctor.rendered import Rendered
    from cluster.settings import ClusterSettings

WIDTH = 240


def doctor(
    settings: Annotated[Path, typer.Argument(help="Settings of the cluster, as for `scoring cluster deploy`.")],
    *,
    kubeconfig: Annotated[Path | None, typer.Option(help="Names the cluster.", show_default="as kubectl")] = None,
    context: Annotated[str | None, typer.Option(help="Of the kubeconfig.", show_default="its current one")] = None,
    stage: Annotated[
        list[Stage] | None, typer.Option(help="Only what this stage needs; may be repeated.", show_default="all")
    ] = None,
    inside: Annotated[
        bool, typer.Option("--inside/--no-inside", help="Whether a short-lived pod looks from inside, too.")
    ] = True,
    image: Annotated[
        str | None, typer.Option(help="Image with python3 for that pod.", show_default="the application's")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds that one connection may take.")] = 5,
    pod_timeout: Annotated[float, typer.Option(min=1, max=1800, help="Seconds that the pod may take to start.")] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Check what the application needs of a cluster, from here and from inside; exit code 1 if it cannot run."""
    from cluster.doctor.examination import Plan, examine
    from cluster.doctor.report import as_json as in_json
    from cluster.doctor.report import is_well, show
    from cluster.kubernetes.api import connect
    from cluster.settings import read_settings

    # So that the pod is deleted when the doctor is told to stop, as it is on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: _stop(number))
    read = read_settings(settings)
    plan = Plan(
        rendered=_rendered(read),
        platform=read.platform,
        stages=tuple(stage or Stage),
        inside=inside,
        image=image,
        timeout_seconds=timeout,
        pod_seconds=pod_timeout,
    )
    api = connect(context, kubeconfig=kubeconfig, read_seconds=max(timeout, 10))
    if as_json:
        results = examine(api, plan)
        typer.echo(json.dumps(in_json(results), indent=2))
    else:
        with Console(stderr=True).status(f"Looking at {api.server.url}"):
            results = examine(api, plan)
        show(results, _console())
    raise typer.Exit(0 if is_well(results) else 1)


def _rendered(settings: ClusterSettings) -> Rendered:
    """Return what is to be applied, with the Secret of keys that deploying makes where no vault has it."""
    from cluster.doctor.rendered import Rendered
    from cluster.manifests.names import keys_secret
    from cluster.manifests.objects import objects

    brought = frozenset({("Secret", keys_secret(settings))} if settings.key_vault is None else ())
    return Rendered(settings.namespace, objects(settings), brought)


def _console() -> Console:
    console = Console(highlight=False, emoji=False)
    # A file has no width; one line for each message is easier to search.
    return console if console.is_terminal else Console(highlight=False, emoji=False, width=WIDTH)


def _stop(number: int) -> None:
    raise SystemExit(128 + number)
