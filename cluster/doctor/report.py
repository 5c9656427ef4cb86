"""Results for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.doctor.findings import Outcome, Result
from cluster.printable import one_line

_SIGNS = {
    Outcome.OK: "[green]ok[/green]",
    Outcome.WARNING: "[yellow]warning[/yellow]",
    Outcome.FAILED: "[bold red]failed[/bold red]",
    Outcome.SKIPPED: "[dim]skipped[/dim]",
}


def is_well(results: Sequence[Result]) -> bool:
    """Whether nothing keeps the application from running."""
    return all(each.finding.outcome is not Outcome.FAILED for each in results)


def as_json(results: Sequence[Result]) -> dict[str, object]:
    """Return what `--json` prints."""
    return {
        "ok": is_well(results),
        "results": [
            {
                "name": each.name,
                "stage": each.stage.value,
                "place": each.place.value,
                "outcome": each.finding.outcome.value,
                "message": each.finding.message,
                "advice": each.finding.advice,
                "seconds": round(each.seconds, 3),
            }
            for each in results
        ],
    }


def show(results: Sequence[Result], console: Console) -> None:
    """Print a table by stage, and how many there are of each outcome."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=max(24, console.width // 3))
    table.add_column(overflow="fold")
    before = None
    for each in results:
        if each.stage is not before:
            table.add_row(f"[bold]{each.stage.value}[/bold]")
        before = each.stage
        finding = each.finding
        # Much of it is what others said: registries, proxies, the cluster's events.
        message, advice = escape(one_line(finding.message)), escape(one_line(finding.advice))
        text = f"{message}\n[cyan]-> {advice}[/cyan]" if advice else message
        table.add_row(_SIGNS[finding.outcome], each.place.value, escape(one_line(each.name)), text)
    console.print(table)
    counted = Counter(each.finding.outcome for each in results)
    console.print(", ".join(f"{counted[outcome]} {outcome.value}" for outcome in Outcome if counted[outcome]))
