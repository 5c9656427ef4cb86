"""Which class each photo shows: a CSV file of the user's."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from pathlib import Path

from deployments.errors import StartupError

FILE, CLASS = "file", "class_index"


def read_classes(path: Path, classes: int) -> dict[str, int]:
    """Read the classes of photos by file name.

    Args:
        path: CSV with a header; the columns `file` and `class_index` (0 is the first class) are read.
        classes: how many the network has.

    Raises:
        StartupError: the file cannot be read, or a row does not say a class.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_header(path, reader.fieldnames or ())
            return {row[FILE]: _class(row[CLASS], path, reader.line_num, classes) for row in reader}
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}; correct --labels.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise StartupError(f"{path} is no CSV file in UTF-8 ({error}); correct --labels.") from None


def _check_header(path: Path, columns: Collection[str]) -> None:
    missing = [name for name in (FILE, CLASS) if name not in columns]
    if missing:
        raise StartupError(f"{path}, line 1 has no column {missing[0]}: name the columns {FILE} and {CLASS}.")


def _class(value: str | None, path: Path, line: int, classes: int) -> int:
    digits = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", digits) and int(digits) < classes:
        return int(digits)
    raise StartupError(
        f"{path}, line {line}, column {CLASS} must be a number from 0 to {classes - 1}, not {(value or '')[:40]!r}."
    )
