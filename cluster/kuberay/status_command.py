"""`scoring cluster status`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.kuberay.causes import Cause
from cluster.kuberay.command_options import ContextOption, JsonOption, SettingsArgument, console, web_service
from cluster.kuberay.progress import application_words, pod_words
from cluster.kuberay.revisions import Revision
from cluster.kuberay.service_causes import causes
from cluster.kuberay.snapshot import CLUSTER_LABEL, Snapshot
from cluster.kuberay.states import State, serves, state

_COLOURS = {State.HEALTHY: "green", State.TRANSITIONING: "yellow"}
_SHOWN_REVISIONS = 3


def status(settings: SettingsArgument, *, context: ContextOption = None, as_json: JsonOption = False) -> None:
    """Show the state, why it is not healthy, its pods, applications and revisions; exit code 1 unless healthy."""
    service = web_service(settings, context)
    snapshot = service.ray_services.read()
    found = causes(snapshot)
    current = state(snapshot, found)
    revisions = service.ray_services.revisions.all()
    if as_json:
        typer.echo(json.dumps(_as_json(snapshot, found, current, revisions), indent=2))
    else:
        _show(console(), snapshot, found, current, revisions)
    if current is not State.HEALTHY:
        raise typer.Exit(1)


def _show(
    shown_on: Console, snapshot: Snapshot, found: Sequence[Cause], current: State, revisions: Sequence[Revision]
) -> None:
    service = snapshot.service
    colour = _COLOURS.get(current, "red")
    answers = "requests are answered" if serves(snapshot) else "no requests are answered"
    shown_on.print(f"{service.metadata.name}: [bold {colour}]{current}[/bold {colour}], {answers}")
    for cause in found:
        shown_on.print(f"[red]{escape(str(cause))}[/red]")
    pods = Table("Pod", "Part", "Cluster", "State", "Restarts", "Node", box=None, pad_edge=False)
    for pod in sorted(snapshot.pods, key=lambda each: (each.role != "head", each.name)):
        restarts = sum(each.restart_count for each in pod.status.containers)
        cluster = "serves" if _cluster(pod.metadata.labels) == service.status.active.cluster else "is to come"
        row = (pod.name, pod.role, cluster, pod_words(pod), str(restarts), pod.spec.node_name or "-")
        pods.add_row(*map(escape, row))
    shown_on.print(pods)
    for name, application in snapshot.applications.items():
        shown_on.print(f"application {name}: {application_words(application)}", markup=False)
    for revision in revisions[:_SHOWN_REVISIONS]:
        shown_on.print(
            f"revision {revision.number}: {revision.deployed:%Y-%m-%d %H:%M} {revision.note}, {revision.image}",
            markup=False,
        )


def _cluster(labels: dict[str, str]) -> str:
    return labels.get(CLUSTER_LABEL, "")


def _as_json(
    snapshot: Snapshot, found: Sequence[Cause], current: State, revisions: Sequence[Revision]
) -> dict[str, Any]:
    status = snapshot.service.status
    return {
        "name": snapshot.service.metadata.name,
        "state": current,
        "serves": serves(snapshot),
        "generation": snapshot.service.metadata.generation,
        "observedGeneration": status.observed_generation,
        "conditions": {each.type: {"status": each.status, "reason": each.reason} for each in status.conditions},
        "clusters": {"active": status.active.cluster or None, "pending": status.pending.cluster or None},
        "causes": [
            {"kind": each.kind, "subject": each.subject, "problem": each.problem, "advice": each.advice,
             "lines": each.lines, "isFinal": each.is_final}
            for each in found
        ],
        "pods": [
            {"name": pod.name, "role": pod.role, "cluster": _cluster(pod.metadata.labels), "state": pod_words(pod)}
            for pod in snapshot.pods
        ],
        "applications": {name: each.model_dump() for name, each in snapshot.applications.items()},
        "revisions": [
            {"number": each.number, "deployed": each.deployed.isoformat(), "note": each.note, "image": each.image}
            for each in revisions
        ],
    }  # fmt: skip
