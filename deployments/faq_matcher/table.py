"""Tables of texts: tab- or comma-separated, JSON lines or Parquet, with errors that say where.

The suffix of the file's name tells the format. Texts are UTF-8; line 1 of .tsv, .txt and .csv is the header, and fields
that hold quotes, separators or line breaks stand in double quotes, with quotes inside doubled.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.errors import StartupError

if TYPE_CHECKING:
    from pyarrow import DataType
    from pyarrow.parquet import ParquetFile

_SEPARATORS = {"": "\t", ".tsv": "\t", ".txt": "\t", ".csv": ","}
_SEPARATOR_NAMES = {"\t": "tabs", ",": "commas"}
_JSON_LINES = {".jsonl", ".ndjson"}
_PARQUET = ".parquet"

# Rows of a Parquet file in memory at once.
_BATCH_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file.

    Attributes:
        path: the file.
        line: line on which the record starts, from 1, a header included; in Parquet the record's number, from 1.
        values: the wanted columns by name, without whitespace around them.
    """

    path: Path
    line: int
    values: dict[str, str]

    def error(self, column: str, problem: str) -> StartupError:
        """The error that says what is wrong with a column of this row."""
        return BadRow(self.path, self.line, column, problem).error()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that cannot be read.

    Attributes:
        path: the file.
        line: as of `Row`.
        column: the column that is wrong; empty where the whole record is.
        problem: what is wrong, as the end of a sentence.
    """

    path: Path
    line: int
    column: str
    problem: str

    def error(self) -> StartupError:
        """The sentence that says where and what is wrong."""
        at = f"{self.path}, {place(self.path, self.line)}"
        return StartupError(f"{at}: {self.column} {self.problem}." if self.column else f"{at} {self.problem}.")


def place(path: Path, line: int) -> str:
    """Names a record: by its line, or by its number where the format has no lines."""
    return f"{'record' if path.suffix.lower() == _PARQUET else 'line'} {line}"


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Reads the named columns of a file; blank lines and other columns are skipped.

    Raises:
        StartupError: the file cannot be read or lacks a column, or a record is not UTF-8 or not well formed.
    """
    rows = []
    for row in iterate_rows(path, columns):
        if isinstance(row, BadRow):
            raise row.error()
        rows.append(row)
    return rows


def iterate_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    """Reads the named columns record by record; a record that cannot be read does not end it.

    Raises:
        StartupError: the file as a whole cannot be read, or it lacks a column.
    """
    suffix = path.suffix.lower()
    if suffix in _SEPARATORS:
        found = _separated(path, columns, _SEPARATORS[suffix])
    elif suffix in _JSON_LINES:
        found = _json_lines(path, columns)
    elif suffix == _PARQUET:
        found = _parquet(path, columns)
    else:
        known = ", ".join(sorted({*_SEPARATORS, *_JSON_LINES, _PARQUET} - {""}))
        raise StartupError(f"{path} has the suffix {suffix}, which names no known format: use one of {known}.")
    try:
        yield from found
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror or _in_one_line(error)}.") from error


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _lines(path: Path) -> Iterator[str]:
    # Bytes that are no UTF-8 become surrogates, so that they are found in the record and column where they stand.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from file


def _separated(path: Path, columns: Sequence[str], separator: str) -> Iterator[Row | BadRow]:
    records = _records(path, _lines(path), separator)
    header = next(records, None)
    if header is None:
        raise StartupError(f"{path} is empty: it needs a header line with {', '.join(columns)}.")
    if isinstance(header, BadRow):
        raise header.error()
    names = [name.strip() for name in header[1]]
    places = _places(path, names, columns, separator)
    for record in records:
        if isinstance(record, BadRow):
            yield record
        elif len(record[1]) != len(names):
            said = f"has {len(record[1])} columns where the header has {len(names)}"
            yield BadRow(path, record[0], "", said)
        else:
            yield _row(path, record[0], {column: record[1][at] for column, at in places.items()})


def _records(path: Path, lines: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]] | BadRow]:
    taken: list[str] = []
    line = 1

    def taking(first: Iterable[str]) -> Iterator[str]:
        for source in (first, lines):
            for each in source:
                taken.append(each)
                yield each

    reader = csv.reader(taking(()), delimiter=separator, strict=True)
    while True:
        taken.clear()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(path, line, "", _not_well_formed(error))
            # An open quote may have swallowed good lines: go on behind the first.
            reader = csv.reader(taking(taken[1:]), delimiter=separator, strict=True)
            line += 1
            continue
        if any(field.strip() for field in record):
            yield line, record
        line += len(taken)


def _not_well_formed(error: csv.Error) -> str:
    return (
        f"is not well formed ({error}): put fields that hold quotes, separators or line breaks in double quotes, "
        "and double the quotes inside"
    )


def _places(path: Path, header: Sequence[str], columns: Sequence[str], separator: str) -> dict[str, int]:
    if any("\0" in name for name in header):
        raise StartupError(f"{path}, line 1 holds a NUL byte: save the file as UTF-8 text.")
    missing = [column for column in columns if column not in header]
    if missing:
        raise StartupError(
            f"{path}, line 1 lacks the column {', '.join(missing)}: the header must name {', '.join(columns)}, "
            f"separated by {_SEPARATOR_NAMES[separator]}."
        )
    return {column: header.index(column) for column in columns}


def _row(path: Path, line: int, values: dict[str, str]) -> Row | BadRow:
    for column, value in values.items():
        if "\0" in value:
            return BadRow(path, line, column, "holds a NUL byte: save the file as UTF-8 text")
        if not value.isascii() and not _is_unicode(value):
            return BadRow(path, line, column, "is not UTF-8: save the file as UTF-8 text")
    return Row(path, line, {column: value.strip() for column, value in values.items()})


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_lines(path: Path, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield _json_row(path, number, line, columns)


def _json_row(path: Path, number: int, line: str, columns: Sequence[str]) -> Row | BadRow:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadRow(path, number, "", f"is not JSON ({_in_one_line(error)}): write one object a line")
    if not isinstance(record, dict):
        return BadRow(path, number, "", f"is no JSON object: write one with {', '.join(columns)}")
    for column in columns:
        if column not in record:
            return BadRow(path, number, column, "is missing")
        if isinstance(record[column], bool) or not isinstance(record[column], str | int):
            return BadRow(path, number, column, "is neither text nor an integer")
    return _row(path, number, {column: str(record[column]) for column in columns})


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    from pyarrow import ArrowException  # noqa: PLC0415 - needed for this format only
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    number = 0
    try:
        with path.open("rb") as file, ParquetFile(file) as parquet:
            _check_columns(path, parquet, columns)
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=list(columns)):
                for values in batch.to_pylist():
                    number += 1
                    yield _row(path, number, {name: _text(value) for name, value in values.items()})
    except (ArrowException, UnicodeDecodeError) as error:
        said = f"cannot be read as Parquet after record {number}: {_in_one_line(error)}"
        raise StartupError(f"{path} {said}.") from error


def _check_columns(path: Path, parquet: ParquetFile, columns: Sequence[str]) -> None:
    schema = parquet.schema_arrow
    missing = [column for column in columns if schema.get_field_index(column) < 0]
    if missing:
        raise StartupError(f"{path} lacks the column {', '.join(missing)}: it needs {', '.join(columns)}, each once.")
    for column in columns:
        kind = schema.field(column).type
        if not _is_text_or_integer(kind):
            raise StartupError(f"{path}: the column {column} is {kind} where text or integers are needed.")


def _is_text_or_integer(kind: DataType) -> bool:
    from pyarrow import types  # noqa: PLC0415 - needed for this format only

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_integer)
    return any(test(kind) for test in tests)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
