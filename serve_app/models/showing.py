"""What `scoring models list` shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from serve_app.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Row:
    """A version.

    Attributes:
        model: the model's name.
        version: its own.
        kind: of the model.
        default: whether it answers requests that name no version.
        application: that has it; None: each replica of the gateway does.
        failure: why it cannot answer; empty where it can, or where no service runs.
    """

    model: str
    version: str
    kind: str
    default: bool
    application: str | None
    failure: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as an object."""
        return asdict(self)


def rows(settings: ServiceSettings, failed: Mapping[str, str]) -> Iterator[Row]:
    """Give every version of every model."""
    for model, version in settings.versions:
        yield Row(
            model.name,
            version.name,
            model.kind,
            version.name == model.default_version,
            version.application,
            failed.get(f"{model.name}/{version.name}", ""),
        )


def show(console: Console, found: list[Row], running: str | None) -> None:
    """Print a table, with states where a service runs.

    Args:
        console: where to.
        found: the versions.
        running: the service, for people; None without one.
    """
    state = ["State"] if running else []
    table = Table("Model", "Version", "Default", "Kind", "Runs in", *state, box=None, pad_edge=False)
    for row in found:
        told = ["failed" if row.failure else "ready"] if running else []
        where = row.application or "the gateway"
        table.add_row(row.model, row.version, "yes" if row.default else "", row.kind, where, *told)
    console.print(table)
    for row in found:
        if row.failure:
            console.print(f"[bold red]Failed:[/bold red] {escape(row.failure)}")
    if running:
        console.print(f"[dim]{escape(running)}[/dim]")
