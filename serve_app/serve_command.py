"""What `scoring serve` shows a person."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.ingress.routing.settings import ModelSettings
from deployments.kinds import find_kind
from serve_app.applications import GATEWAY_DEPLOYMENT
from serve_app.config_file import read_config
from serve_app.fast_mode import fast_mode
from serve_app.keys.notice import notice
from serve_app.server import Server


def run(
    config: Path | None,
    host: str | None,
    port: int | None,
    *,
    grpc_port: int | None = None,
    metrics_port: int | None = None,
) -> None:
    """Check, start, show, wait, drain.

    Raises:
        StartupError: the service did not start, or ended by itself.
    """
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()

    def report(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {escape(text)}")

    listening = read_config(config).listening_on(host, port).with_grpc(grpc_port)
    server = Server(listening, report, metrics_port)
    server.check()
    report(mode())
    with server.running():
        console.print(f"[bold green]Ready:[/bold green] {server.url}")
        show_models(console, server)
        server.wait()


def mode() -> str:
    """Say which of Ray Serve's modes this is."""
    variables = fast_mode()
    if not variables:
        return "Ray brings no HAProxy for this system: serving in Ray Serve's slower default mode"
    return "Ray Serve's fast mode: HAProxy, throughput-optimized replicas, messages of any size"


def show_models(console: Console, server: Server) -> None:
    """Print a table of the models, and a command for each that asks it something."""
    table = Table("Model", "Version", "Platform", "Weights", "Replicas", box=None, pad_edge=False)
    replicas = running_replicas()
    notes: list[str] = []
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30, headers=server.credentials) as client:
        for model, version in server.settings.versions:
            if f"{model.name}/{version.name}" in server.failed:
                table.add_row(model.name, version.name, "[bold red]failed[/bold red]", "", "")
                continue
            described = client.get(f"/v2/models/{model.name}/versions/{version.name}").json()
            weights = described["weights"]
            shown = f"[bold red]{weights}[/bold red]" if weights == "untrained" else weights
            table.add_row(model.name, version.name, described["platform"], shown, _replicas_text(replicas, version))
            notes += [described["parameters"]["untrained"]] if weights == "untrained" else []
    console.print(table)
    for sentence in server.failed.values():
        console.print(f"[bold red]Failed:[/bold red] {escape(sentence)}")
    for note in notes:
        console.print(f"[bold red]Untrained:[/bold red] {escape(note)}")
    for model in server.settings.models:
        console.print(example(model, server.url, with_key=server.needs_keys), markup=False)
    if server.config.grpc_port is not None:
        console.print(f"gRPC: {server.address(server.config.grpc_port)}", markup=False)
    for sentence in notice(server.settings, server.config.host):
        console.print(sentence, markup=False)
    console.print(f"Metrics for Prometheus: {server.metrics_url}", markup=False)
    console.print(f"Everything else: {server.url}/docs   Stop with Ctrl-C.", markup=False)


def _replicas_text(replicas: Mapping[str, int], version: Any) -> str:
    """Say how many replicas have a version."""
    if version.application is None:
        return f"{replicas.get(GATEWAY_DEPLOYMENT, 0)} of the gateway"
    return str(replicas.get(version.application, 0))


def running_replicas() -> dict[str, int]:
    """Return the running replicas of each deployment."""
    from ray import serve

    deployments = [item for each in serve.status().applications.values() for item in each.deployments.items()]
    states: dict[str, Mapping[Any, int]] = {name: status.replica_states for name, status in deployments}
    return {name: replicas.get("RUNNING", 0) for name, replicas in states.items()}


def example(model: ModelSettings, url: str, *, with_key: bool = False) -> str:
    """Return a curl command that scores with a model."""
    key = ' -H "x-api-key: $SCORING_KEY"' if with_key else ""
    return f"  curl {url}/{model.name}/score{key} {find_kind(model.kind).curl()}"
