"""Questions that mean no original: those of another FAQ, for instance."""

from __future__ import annotations

from pathlib import Path

from deployments.errors import StartupError
from deployments.faq_matcher.data import PREPARED_TEST
from deployments.faq_matcher.table import read_rows


def read_strangers(path: Path) -> list[str]:
    """Reads texts that mean no original.

    Args:
        path: table with a column Text0, or a directory of `scoring faq prepare`, of which the questions held out for
            a test are read: no matcher has seen those, be it as examples of what to reject.

    Raises:
        StartupError: the file cannot be read or holds no text; names file, line and column.
    """
    path = path / PREPARED_TEST if path.is_dir() else path
    rows = read_rows(path, ("Text0",))
    for row in rows:
        if not row.values["Text0"]:
            raise row.error("Text0", "is empty")
    if not rows:
        raise StartupError(f"{path} holds no question: add a row for each.")
    return [row.values["Text0"] for row in rows]
