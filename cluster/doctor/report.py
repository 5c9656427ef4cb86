"""Results for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.doctor.findings import Outcome, Result

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
    """Print a table, and what is in sum."""
    table = Table(box=None, pad_edge=False, expand=False)
    for column in ("stage", "from", "check", "", "what is"):
        table.add_column(column, overflow="fold", no_wrap=column in {"stage", "from", ""})
    before = None
    for each in results:
        finding = each.finding
        text = escape(finding.message)
        # What is well needs no advice; nor is there any for what was skipped.
        text += f"\n[cyan]-> {escape(finding.advice)}[/cyan]" if finding.advice else ""
        stage = each.stage.value if each.stage is not before else ""
        table.add_row(stage, each.place.value, escape(each.name), _SIGNS[finding.outcome], text)
        before = each.stage
    console.print(table)
    counted = Counter(each.finding.outcome for each in results)
    console.print(", ".join(f"{counted[outcome]} {outcome.value}" for outcome in Outcome if counted[outcome]))
