"""Tab-separated files with a header line, CSV quoting and errors that say where."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployments.errors import StartupError


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file.

    Attributes:
        path: the file.
        line: line on which the record starts; the header is on line 1.
        values: the wanted columns by name, without whitespace around them.
    """

    path: Path
    line: int
    values: dict[str, str]

    def error(self, column: str, problem: str) -> StartupError:
        """The error that says what is wrong with a column of this row."""
        return StartupError(f"{self.path}, line {self.line}: {column} {problem}.")


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Reads the named columns of a file; blank lines and other columns are skipped.

    Raises:
        StartupError: the file cannot be read, is not UTF-8 or not well formed, or lacks a column.
    """
    records = _records(path, _read_text(path))
    try:
        _, header = next(records)
    except StopIteration:
        raise StartupError(f"{path} is empty: it needs a header line with {', '.join(columns)}.") from None
    places = _places(path, [name.strip() for name in header], columns)
    return [_row(path, line, record, places, len(header)) for line, record in records]


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}.") from error
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise StartupError(f"{path}, line {line} holds a NUL byte: save the file as UTF-8 text.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StartupError(f"{path}, line {line} is not UTF-8: save the file as UTF-8 text.") from error


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    line = 1
    try:
        for record in reader:
            if any(field.strip() for field in record):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise StartupError(
            f"{path}, line {line} is not well formed ({error}): put fields that hold quotes, tabs or line breaks "
            "in double quotes, and double the quotes inside."
        ) from error


def _places(path: Path, header: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    missing = [column for column in columns if column not in header]
    if missing:
        raise StartupError(
            f"{path}, line 1 lacks the column {', '.join(missing)}: the header must name {', '.join(columns)}, "
            "separated by tabs."
        )
    return {column: header.index(column) for column in columns}


def _row(path: Path, line: int, record: Sequence[str], places: dict[str, int], width: int) -> Row:
    if len(record) != width:
        raise StartupError(f"{path}, line {line} has {len(record)} columns where the header has {width}.")
    return Row(path, line, {column: record[place].strip() for column, place in places.items()})
