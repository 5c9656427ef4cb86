"""Tables as a source: each row is taken or reported, none ends the work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import cast

from deployments.faq_matcher.data import Id, as_id
from deployments.faq_matcher.preparation.dump_index import tags_of
from deployments.faq_matcher.preparation.html_text import UnreadableHtml, in_lines, looks_like_html, to_text
from deployments.faq_matcher.preparation.intake import ANSWER, DUPLICATE, ORIGINAL, PARTS, Intake, Origin
from deployments.faq_matcher.preparation.report import Report, SourceFile, Step
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store
from deployments.faq_matcher.progress import Progress
from deployments.faq_matcher.table import BadRow, Row, iterate_rows

_ROWS_TO_JUDGE_BY = 1000

_SCHEMA = """
CREATE TABLE answered (answer_id PRIMARY KEY, question_id, questions) WITHOUT ROWID;
CREATE TABLE row_ids (part, id, PRIMARY KEY (part, id)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class TableSource:
    """Files of a FAQ, as `read_faq` takes them.

    Attributes:
        questions: originals, with columns Id, AnswerId and Text0; Tags too where a tag is asked for.
        duplicates: other wordings, with columns Id, AnswerId (that of the original) and Text0.
        answers: answers, with columns Id, QuestionId and Text0.
    """

    questions: Path
    duplicates: Path | None = None
    answers: Path | None = None

    def read(self, settings: PrepareSettings, store: Store, report: Report, progress: Progress) -> Intake:
        """Fills the store with originals, duplicates and answers.

        Raises:
            StartupError: a file as a whole cannot be read, or lacks a column.
        """
        files = (self.questions, self.duplicates, self.answers)
        store.create(_SCHEMA)
        intake = Intake(store, report, settings, Origin.of_tables(*files))
        for part, path in enumerate(files):
            if path is not None:
                progress(f"Reading {path.name}", 0, 0)
                with intake:
                    _Table(part, path, settings, store, intake).read(report)
        rows = dict(store.execute("SELECT part, COUNT(*) FROM row_ids GROUP BY part").fetchall())
        report.steps.append(Step("in the tables", *(rows.get(part, 0) for part in range(len(PARTS)))))
        return intake


class _Unusable(ValueError):
    """A row that is left out: its column, and the end of a sentence."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(column, problem)
        self.column = column
        self.problem = problem


class _Table:
    """One file on its way into the store."""

    def __init__(self, part: int, path: Path, settings: PrepareSettings, store: Store, intake: Intake) -> None:
        self._part = part
        self._path = path
        self._settings = settings
        self._tag = settings.tag.casefold() if settings.tag is not None and part == ORIGINAL else None
        self._store = store
        self._intake = intake
        self._html = False

    def read(self, report: Report) -> None:
        link = self._link
        columns = ("Id", link, "Text0", *(["Tags"] if self._tag is not None else []))
        rows = iterate_rows(self._path, columns)
        first = list(islice(rows, _ROWS_TO_JUDGE_BY))
        self._html = self._is_html(first)
        count = 0
        for row in chain(first, rows):
            count += 1
            self._take(row, report)
        with self._path.open("rb") as file:
            report.sources.append(SourceFile(str(self._path), count, hashlib.file_digest(file, "sha256").hexdigest()))

    @property
    def _link(self) -> str:
        return "QuestionId" if self._part == ANSWER else "AnswerId"

    def _is_html(self, rows: Iterable[Row | BadRow]) -> bool:
        if self._settings.html is not None:
            return self._settings.html
        return looks_like_html(row.values["Text0"] for row in rows if isinstance(row, Row))

    def _take(self, row: Row | BadRow, report: Report) -> None:
        if isinstance(row, BadRow):
            report.drop(PARTS[self._part], "cannot be read", row)
            return
        row_id = as_id(row.values["Id"])
        try:
            self._add(row_id, row)
        except _Unusable as error:
            self._intake.refuse(self._part, row.line, row_id, error.column, error.problem)
        except UnreadableHtml as error:
            self._intake.refuse(self._part, row.line, row_id, "Text0", str(error))

    def _add(self, row_id: Id, row: Row) -> None:
        for column in ("Id", self._link):
            if not row.values[column]:
                raise _Unusable(column, "is empty")
        known = self._store.execute("INSERT OR IGNORE INTO row_ids VALUES (?, ?)", (self._part, row_id))
        if not known.rowcount:
            raise _Unusable("Id", "is there a second time; the first row counts")
        if self._tag is not None and self._tag not in tags_of(row.values["Tags"]):
            raise _Unusable("Tags", "has not the tag")
        link = as_id(row.values[self._link])
        if self._part == ORIGINAL:
            self._add_original(row_id, link, row)
        elif self._part == DUPLICATE:
            self._intake.add_duplicate(row_id, self._original_of(link), row.line, self._text(row))
        else:
            self._check_question(link)
            self._intake.add_answer(row_id, link, row.line, self._text(row))

    def _add_original(self, row_id: Id, answer_id: Id, row: Row) -> None:
        if self._intake.add_original(row_id, answer_id, row.line, self._text(row)):
            self._store.execute(
                "INSERT INTO answered VALUES (?, ?, 1) ON CONFLICT (answer_id) DO UPDATE SET questions = questions + 1",
                (answer_id, row_id),
            )

    def _original_of(self, answer_id: Id) -> Id:
        find = "SELECT question_id, questions FROM answered WHERE answer_id = ?"
        question_id, questions = self._store.execute(find, (answer_id,)).fetchone() or (0, 0)
        if questions != 1:
            raise _Unusable(
                "AnswerId", f"is that of {'several originals' if questions else 'no original that was kept'}"
            )
        return cast("Id", question_id)

    def _check_question(self, question_id: Id) -> None:
        if self._store.execute("SELECT 1 FROM originals WHERE id = ?", (question_id,)).fetchone() is None:
            raise _Unusable("QuestionId", "is that of no original that was kept")

    def _text(self, row: Row) -> str:
        text = row.values["Text0"]
        if not self._html:
            return in_lines(text)
        return to_text(text, code_blocks=self._part == ANSWER or self._settings.code == "keep")
