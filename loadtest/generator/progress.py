"""A run in the terminal while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from loadtest.generator.arrivals import starts
from loadtest.generator.plan import Plan

# Where there is no terminal to draw on, a line comes so often.
LINE_SECONDS = 10.0


@contextmanager
def shown(console: Console, plan: Plan, title: str) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what shows the events of a session, in place on a terminal and in lines elsewhere."""
    if not console.is_terminal:
        yield _Lines(console, plan, title)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(event: Mapping[str, Any]) -> None:
            if event["event"] == "progress":
                live.update(table(plan, title, event), refresh=True)

        yield show


class _Lines:
    def __init__(self, console: Console, plan: Plan, title: str) -> None:
        self._console, self._plan, self._title = console, plan, title
        self._next = LINE_SECONDS

    def __call__(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "progress" and event["at"] >= self._next:
            self._next = event["at"] + LINE_SECONDS
            pairs = ", ".join(f"{name} {value}" for name, value in figures(self._plan, event))
            self._console.print(f"{self._title}: {pairs}", markup=False, soft_wrap=True)


def table(plan: Plan, title: str, event: Mapping[str, Any]) -> Table:
    """Return the figures of an event as a table."""
    shown_table = Table(title=title, box=None, pad_edge=False, show_header=False, title_justify="left")
    for name, value in figures(plan, event):
        shown_table.add_row(name, value)
    return shown_table


def figures(plan: Plan, event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and texts of what an event tells."""
    ends = starts(plan.steps)
    number = max(0, min(sum(1 for each in ends if each <= event["at"]), len(plan.steps)) - 1)
    step = plan.steps[number]
    wanted = f"{plan.clients} clients" if step.rate is None else f"{step.rate:g}/s"
    errors = ", ".join(f"{kind} {count:,}" for kind, count in sorted(event["errors"].items())) or "none"
    late = f"{event['late']:,} ({event['late'] / event['sent']:.2%})" if event["sent"] else "0"
    pairs = [
        ("time", f"{event['at']:,.0f} of {ends[-1]:,.0f} s" + (", warm-up" if step.warm_up else "")),
        ("wanted", f"{wanted}, step {number + 1} of {len(plan.steps)}"),
        ("sent", f"{event['sent_per_second']:,.1f}/s"),
        ("answered", f"{event['answered_per_second']:,.1f}/s, {event['out']:,} out"),
        ("latency", f"p50 {event['p50_ms']:,.1f} ms, p99 {event['p99_ms']:,.1f} ms"),
        ("errors", errors),
        ("sent late", late),
        ("generator's CPU", ", ".join(f"{share:.0%}" for share in event["cpu"])),
    ]
    if plan.bad_share:
        pairs.insert(6, ("bad requests refused", f"{event['expected']:,}"))
    return pairs
