"""What was read, what is left after each step, and what was dropped and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deployments.faq_matcher.table import BadRow

MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Step:
    """How many there are after a step."""

    name: str
    originals: int
    duplicates: int
    answers: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read.

    Attributes:
        path: as the user named it.
        rows: how many it held, good or bad.
        sha256: of its content, in hexadecimal.
    """

    path: str
    rows: int
    sha256: str


@dataclass(slots=True)
class Finding:
    """What befell some rows of a file, with the first of them as examples.

    Attributes:
        part: what the rows are: originals, duplicates, answers, questions, posts or links.
        reason: the end of a sentence, the same for all of them.
        rows: how many.
        examples: file, line, column, id and a sentence of each.
    """

    part: str
    reason: str
    rows: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """Grows as the work goes on.

    Attributes:
        sources: files in the order in which they were read.
        steps: in their order.
        dropped: rows that did not stay.
        noted: rows that stayed, though not all was well with them.
    """

    sources: list[SourceFile] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    dropped: dict[tuple[str, str], Finding] = field(default_factory=dict)
    noted: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def drop(self, part: str, reason: str, row: BadRow, row_id: object = None) -> None:
        """Counts a row that does not stay; `row.problem` may say more than `reason`."""
        _count(self.dropped, part, reason, row, row_id)

    def note(self, part: str, reason: str, row: BadRow, row_id: object = None) -> None:
        """Counts a row that stays."""
        _count(self.noted, part, reason, row, row_id)


def _count(findings: dict[tuple[str, str], Finding], part: str, reason: str, row: BadRow, row_id: object) -> None:
    finding = findings.setdefault((part, reason), Finding(part, reason))
    finding.rows += 1
    if len(finding.examples) < MAX_EXAMPLES:
        example = {"file": str(row.path), "line": row.line, "column": row.column, "id": row_id}
        finding.examples.append({**example, "said": str(row.error())})
