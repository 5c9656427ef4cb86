"""What a benchmark found, for people and for files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtest.errors import BenchmarkError
from loadtest.machine import machine_line

TABLE_WIDTH = 240


@dataclass(frozen=True, slots=True)
class Report:
    """One table.

    Attributes:
        title: what was measured.
        columns: headings, with units.
        rows: texts, one for each column.
        notes: sentences below the table.
        data: every figure, for a JSON file.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return the table in Markdown, with the machine."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
        return "\n".join([f"{self.title}. {machine_line()}.", "", *table, *(f"\n{note}" for note in self.notes)])

    def json(self) -> str:
        """Return title, machine and every figure as JSON."""
        return json.dumps({"title": self.title, "machine": machine_line(), "notes": self.notes, **self.data}, indent=2)


def show(report: Report, *, json_file: Path | None, markdown: bool) -> None:
    """Print a report, and write its figures where a file is named.

    Raises:
        BenchmarkError: the file cannot be written.
    """
    # As wide as the table needs: a terminal wraps a long line, where rich would cut figures off.
    console = Console(highlight=False, soft_wrap=True, width=TABLE_WIDTH)
    if markdown:
        console.print(report.markdown(), markup=False)
    else:
        console.print(_table(report), *report.notes, machine_line(), sep="\n")
    if json_file is not None:
        try:
            json_file.write_text(report.json() + "\n", encoding="utf-8")
        except OSError as error:
            raise BenchmarkError(f"{json_file} cannot be written: {error.strerror}.") from None


def _table(report: Report) -> Table:
    table = Table(title=report.title, box=None, pad_edge=False, title_justify="left")
    for number, column in enumerate(report.columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True, overflow="ignore")
    for row in report.rows:
        table.add_row(*row)
    return table
