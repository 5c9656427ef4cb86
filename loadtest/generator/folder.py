"""The folder that a run leaves: results.json, series.csv, report.html."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from loadtest.errors import BenchmarkError
from loadtest.generator.html_report import render
from loadtest.generator.results import Results, Row

RESULTS = "results.json"
SERIES = "series.csv"
REPORT = "report.html"

_FIGURES = ("at", "group", "wanted", "sent", "answered", "p50_ms", "p90_ms", "p99_ms", "max_ms", "lag_ms")


def default_folder(name: str) -> Path:
    """Return a folder in the current one that no other run has."""
    return Path(f"{name}-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}")


def write(results: Results, folder: Path) -> None:
    """Write everything.

    Raises:
        BenchmarkError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULTS).write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
        write_series(results.measured.rows, folder / SERIES)
        (folder / REPORT).write_text(render(results), encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(f"{folder} cannot be written: {error.strerror}.") from None


def write_series(rows: list[Row], file: Path) -> None:
    """Write the series, a row for each interval of all requests (an empty group) and of each group."""
    kinds = sorted({kind for row in rows for kind in row.errors})
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow([*_FIGURES, *(f"error: {kind}" for kind in kinds)])
        for row in rows:
            writer.writerow([*(getattr(row, name) for name in _FIGURES), *(row.errors.get(kind, 0) for kind in kinds)])


def read(folder: Path) -> Results:
    """Read a run.

    Raises:
        BenchmarkError: the folder holds none.
    """
    try:
        return Results.model_validate_json((folder / RESULTS).read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchmarkError(f"{folder / RESULTS} cannot be read: {error.strerror}.") from None
    except ValidationError:
        raise BenchmarkError(f"{folder / RESULTS} is not what `scoring loadtest` writes.") from None


def write_report(folder: Path) -> Path:
    """Make the HTML report of a run again, and return it.

    Raises:
        BenchmarkError: the folder holds no run, or cannot be written.
    """
    results, file = read(folder), folder / REPORT
    try:
        file.write_text(render(results), encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(f"{file} cannot be written: {error.strerror}.") from None
    return file
