"""An evaluation on a terminal."""

from __future__ import annotations

import re

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.faq_matcher.data import Id
from deployments.faq_matcher.evaluation.report import EvaluationReport, OriginalResult
from deployments.faq_matcher.evaluation.summary import headline, lines

_LONGEST = 120

# Characters that steer a terminal, or the direction of what follows.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def show(report: EvaluationReport, console: Console, *, top: int = 10) -> None:
    """Prints the metrics, and the originals with the most errors.

    Args:
        report: what to print.
        console: where to.
        top: how many originals at most.
    """
    console.print(Text(f"{headline(report)}, threshold {report.threshold:.2f}"))
    console.print(_metrics(report))
    confused = report.confused
    if confused[:top]:
        console.print(_confusions(confused[:top], of=len(confused), with_strangers=bool(report.data.strangers)))


def _metrics(report: EvaluationReport) -> Table:
    table = Table("Metric", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Meaning", style="dim")
    for line in lines(report):
        table.add_row(line.name, line.value, line.meaning)
    return table


def _confusions(originals: tuple[OriginalResult, ...], *, of: int, with_strangers: bool) -> Table:
    table = Table(
        title=f"Most confused: {len(originals):,} of {of:,} originals with errors",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Original", ratio=1)
    table.add_column("Right", justify="right", no_wrap=True)
    table.add_column("Taken for", ratio=1)
    if with_strangers:
        table.add_column("Strangers", justify="right", no_wrap=True)
    for original in originals:
        right = f"{original.right:,} of {original.questions:,}"
        cells = [_named(original.id, original.title), Text(right), _taken_for(original)]
        table.add_row(*cells, *([Text(f"{original.strangers:,}")] if with_strangers else []))
    return table


def _taken_for(original: OriginalResult, most: int = 3) -> Text:
    shown = [
        Text(f"{other.count:,}\N{MULTIPLICATION SIGN} ").append_text(_named(other.id, other.title))
        for other in original.confused_with[:most]
    ]
    more = sum(other.count for other in original.confused_with[most:])
    return Text("\n").join([*shown, *([Text(f"and {more:,} more", style="dim")] if more else [])])


def _named(id_: Id, title: str) -> Text:
    return Text(_printable(title)).append(f" ({_printable(str(id_))})", style="dim")


def _printable(text: str) -> str:
    """Texts come from anyone: no control characters, no line breaks, not too long."""
    text = " ".join(_STEERING.sub(" ", text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
