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

    def markdown(self, *, measured_here: bool = True) -> str:
        """Return the table in Markdown, with the machine where figures come from it."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
        title = f"{self.title}. {machine_line()}." if measured_here else f"{self.title}."
        return "\n".join([title, "", *table, *(f"\n{note}" for note in self.notes)])

    def json(self, *, measured_here: bool = True) -> str:
        """Return title, machine where figures come from it, and every figure as JSON."""
        machine = {"machine": machine_line()} if measured_here else {}
        return json.dumps({"title": self.title, **machine, "notes": self.notes, **self.data}, indent=2)

    def write(self, file: Path, *, measured_here: bool = True) -> None:
        """Write the figures.

        Raises:
            BenchmarkError: the file cannot be written.
        """
        try:
            file.write_text(self.json(measured_here=measured_here) + "\n", encoding="utf-8")
        except OSError as error:
            raise BenchmarkError(f"{file} cannot be written: {error.strerror}.") from None


def show(report: Report, *, json_file: Path | None, markdown: bool, measured_here: bool = True) -> None:
    """Print a report, and write its figures where a file is named.

    Args:
        report: what was found.
        json_file: gets every figure.
        markdown: print the table in Markdown.
        measured_here: whether figures come from this machine, which is then named.

    Raises:
        BenchmarkError: the file cannot be written.
    """
    # As wide as the table needs: a terminal wraps a long line, where rich would cut figures off.
    console = Console(highlight=False, soft_wrap=True, width=TABLE_WIDTH)
    if markdown:
        console.print(report.markdown(measured_here=measured_here), markup=False)
    else:
        machine = [machine_line()] if measured_here else []
        console.print(_table(report), *report.notes, *machine, sep="\n")
    if json_file is not None:
        report.write(json_file, measured_here=measured_here)


def _table(report: Report) -> Table:
    table = Table(title=report.title, box=None, pad_edge=False, title_justify="left")
    for number, column in enumerate(report.columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True, overflow="ignore")
    for row in report.rows:
        table.add_row(*row)
    return table
