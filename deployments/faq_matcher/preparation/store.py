"""What is known of the rows, in a file of SQLite: memory does not depend on how many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

Value = int | str | None

_CACHE_KIB = 32_768
_ROWS_AT_ONCE = 10_000
_CHARACTERS_AT_ONCE = 2_000_000
_STEPS_BETWEEN_LOOKS = 1_000_000

# Ids are integers or text, as their source has them; SQLite sorts integers first, both without regard to a locale.
_SCHEMA = """
CREATE TABLE originals (id PRIMARY KEY, answer_id, line, digest) WITHOUT ROWID;
CREATE TABLE duplicates (id PRIMARY KEY, original_id, line, digest) WITHOUT ROWID;
CREATE TABLE answers (id PRIMARY KEY, question_id, line) WITHOUT ROWID;
CREATE TABLE original_texts (id PRIMARY KEY, text);
CREATE TABLE duplicate_texts (id PRIMARY KEY, text);
CREATE TABLE answer_texts (id PRIMARY KEY, text);
CREATE TABLE held_out (id PRIMARY KEY) WITHOUT ROWID;
"""


class Store:
    """A database that lives as long as the work.

    Tables: `originals`, `duplicates` and `answers` with their texts, and `held_out`, the duplicates for the test.
    Sources add their own.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: tuple[Value, ...] = ()) -> sqlite3.Cursor:
        """Runs one statement."""
        return self._connection.execute(statement, values)

    def create(self, schema: str) -> None:
        """Makes tables."""
        self._connection.executescript(schema)

    def inserting(self, statement: str) -> Batch:
        """A batch for rows of one statement."""
        return Batch(self._connection, statement)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        (rows,) = self.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608 - names of our own
        return int(rows)


class Batch:
    """Rows on their way into the database; leaving its block writes the last ones."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement
        self._rows: list[tuple[Value, ...]] = []
        self._characters = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def add(self, *row: Value, characters: int = 0) -> None:
        """Adds a row; `characters` tells of long texts in it, which bound how many rows wait."""
        self._rows.append(row)
        self._characters += characters
        if len(self._rows) >= _ROWS_AT_ONCE or self._characters > _CHARACTERS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        self._connection.executemany(self._statement, self._rows)
        self._rows.clear()
        self._characters = 0


@contextmanager
def open_store(path: Path) -> Iterator[Store]:
    """Makes a database in a new file.

    Args:
        path: the file; whoever named it removes it.

    Raises:
        OSError: the disk is full or fails.
        KeyboardInterrupt: Ctrl-C ended a statement.
    """
    connection = sqlite3.connect(path)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}", "locking_mode=EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_SCHEMA)
        # Whatever it does: back in Python now and then, a long statement can be ended by Ctrl-C.
        connection.set_progress_handler(lambda: 0, _STEPS_BETWEEN_LOOKS)
        yield Store(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            raise OSError(str(error)) from error
        raise
    finally:
        connection.close()
