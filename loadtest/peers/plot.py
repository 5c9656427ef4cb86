"""The comparison as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest.errors import BenchmarkError
from loadtest.peers.measuring import Findings
from loadtest.peers.tables import COMPARISONS, Row, rows_of

COLOURS = {
    "ours": "tab:orange", "fastapi": "tab:blue", "litserve": "tab:green", "bentoml": "tab:purple",
    "mlserver": "tab:gray",
}  # fmt: skip
# By workers.
HATCHES: dict[int | None, str] = {2: "///"}


def draw_all(findings: Findings, directory: Path) -> list[Path]:
    """Draw each comparison as an SVG file: requests per second, p50 and p99 by concurrency.

    Raises:
        BenchmarkError: matplotlib is not installed, or a file cannot be written.
    """
    drawn = []
    for comparison in COMPARISONS:
        rows = rows_of(comparison, findings)
        if any(row.contestant.is_ours for row in rows) or (rows and comparison.object == "same"):
            file = directory / f"{comparison.name}.svg"
            draw(comparison.title, rows, file)
            drawn.append(file)
    return drawn


def draw(title: str, rows: Sequence[Row], file: Path) -> None:
    """Draw one comparison.

    Raises:
        BenchmarkError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who wants pictures needs it
    except ImportError:
        raise BenchmarkError("--plots needs matplotlib; install ray-scoring[loadtest].") from None
    figure = Figure(figsize=(11, 9), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(3, 1)
    values = ("requests/s", "rate"), ("p50, ms", "p50"), ("p99, ms", "p99")
    for axes, (label, attribute) in zip(panels, values, strict=True):
        _bars(axes, rows, attribute)
        axes.set_ylabel(label)
    panels[1].set_yscale("log")
    panels[2].set_yscale("log")
    panels[2].set_xlabel("requests out at any time")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    try:
        figure.savefig(file)
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{file} cannot be written: {error}.") from None


def _bars(axes: Any, rows: Sequence[Row], attribute: str) -> None:
    """Draw a group of bars for each concurrency, with the spread of the rounds; a colour for each server."""
    counts = sorted({row.concurrency for row in rows})
    who = list(dict.fromkeys(row.contestant for row in rows))
    width = 0.8 / len(who)
    for place, contestant in enumerate(who):
        found = [
            (counts.index(row.concurrency), getattr(row, attribute)) for row in rows if row.contestant == contestant
        ]
        middle = [value.median for _, value in found]
        errors = [[value.median - value.low for _, value in found], [value.high - value.median for _, value in found]]
        axes.bar(
            [at + (place - (len(who) - 1) / 2) * width for at, _ in found],
            middle,
            width,
            yerr=errors,
            label=f"{contestant.title}, {contestant.workers_text}",
            color=COLOURS[contestant.server],
            hatch=HATCHES.get(contestant.workers),
            alpha=0.6 if contestant.is_alternative else 1.0,
            edgecolor="black",
            linewidth=0.4,
            error_kw={"linewidth": 0.8},
        )
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
