"""Prepared data as a directory: Parquet for the FAQ, JSON for the report.

questions.parquet    Id, AnswerId, Text0 of each original
duplicates.parquet   Id, AnswerId (of the original), Text0 of each duplicate to train with
test.parquet         the same of each duplicate held out
answers.parquet      Id, QuestionId, Text0 of each answer
report.json          settings, sources, counts at each step, what was dropped and why, versions
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from deployments.destinations import check_new
from deployments.faq_matcher.data import (
    PREPARED_ANSWERS,
    PREPARED_DUPLICATES,
    PREPARED_QUESTIONS,
    PREPARED_REPORT,
    PREPARED_TEST,
    Id,
)
from deployments.faq_matcher.preparation.report import Report
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store
from deployments.faq_matcher.progress import Progress

FORMAT = "ray-scoring-faq-data"
FORMAT_VERSION = 1

# A row group is what a reader holds in memory at once.
_GROUP_ROWS = 16_384
_GROUP_CHARACTERS = 4_000_000

_DUPLICATES = """
FROM duplicates AS row JOIN originals ON originals.id = row.original_id JOIN duplicate_texts AS text ON text.id = row.id
WHERE row.id {} IN (SELECT id FROM held_out)
"""
_TABLES = {
    PREPARED_QUESTIONS: (
        ("Id", "AnswerId"),
        ("row.id", "row.answer_id"),
        "FROM originals AS row JOIN original_texts AS text ON text.id = row.id",
    ),
    PREPARED_DUPLICATES: (("Id", "AnswerId"), ("row.id", "originals.answer_id"), _DUPLICATES.format("NOT")),
    PREPARED_TEST: (("Id", "AnswerId"), ("row.id", "originals.answer_id"), _DUPLICATES.format("")),
    PREPARED_ANSWERS: (
        ("Id", "QuestionId"),
        ("row.id", "row.question_id"),
        "FROM answers AS row JOIN answer_texts AS text ON text.id = row.id",
    ),
}


def is_prepared(directory: Path) -> bool:
    """Whether a directory holds what this module writes, of whatever version."""
    try:
        content = json.loads((directory / PREPARED_REPORT).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def check_output(directory: Path, *, overwrite: bool) -> None:
    """Looks whether a directory may be written, before any long work.

    Raises:
        StartupError: it holds something else, or prepared data that is not to be replaced.
    """
    check_new(directory, is_prepared, "prepared FAQ", short="prepared FAQ", overwrite=overwrite)


def write(
    directory: Path, settings: PrepareSettings, store: Store, report: Report, progress: Progress
) -> dict[str, int]:
    """Writes what the store holds, in the order of ids.

    Returns:
        Rows of each file.
    """
    rows = {}
    for name in _TABLES:
        progress(f"Writing {name}", 0, 0)
        rows[name] = _write_table(directory / name, store)
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, **_facts(directory, settings, report, rows)}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (directory / PREPARED_REPORT).write_text(text + "\n", encoding="utf-8")
    return rows


def _write_table(path: Path, store: Store) -> int:
    names, columns, source = _TABLES[path.name]
    kinds = [_kind(store, column, source) for column in columns]
    schema = pa.schema([*zip(names, kinds, strict=True), ("Text0", pa.string())])
    selected = f"SELECT {', '.join(columns)}, text.text {source} ORDER BY row.id"
    count = 0
    with ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(store, selected):
            count += len(group)
            writer.write_table(_table(group, schema))
    return count


def _kind(store: Store, column: str, source: str) -> pa.DataType:
    found = store.execute(
        f"SELECT 1 {source} {'AND' if 'WHERE' in source else 'WHERE'} typeof({column}) = 'text' LIMIT 1"
    )
    return pa.int64() if found.fetchone() is None else pa.string()


def _groups(store: Store, statement: str) -> Iterator[list[tuple[Id, Id, str]]]:
    group: list[tuple[Id, Id, str]] = []
    characters = 0
    for row in store.execute(statement):
        group.append(row)
        characters += len(row[2])
        if len(group) >= _GROUP_ROWS or characters > _GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _table(group: list[tuple[Id, Id, str]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*group, strict=True))
    arrays = [
        pa.array([str(value) for value in column] if pa.types.is_string(field.type) else column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _facts(directory: Path, settings: PrepareSettings, report: Report, rows: dict[str, int]) -> dict[str, Any]:
    return {
        "settings": asdict(settings),
        "sources": [asdict(source) for source in report.sources],
        "steps": [asdict(step) for step in report.steps],
        "dropped": [asdict(finding) for finding in report.dropped.values()],
        "noted": [asdict(finding) for finding in report.noted.values()],
        "files": {name: {"rows": count, "sha256": _sha256(directory / name)} for name, count in rows.items()},
        "versions": {name: version(name) for name in ("ray-scoring", "pyarrow", "selectolax")},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
