"""The door of the store: takes questions and answers with their texts, and turns away those that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deployments.faq_matcher.data import Id
from deployments.faq_matcher.preparation import texts
from deployments.faq_matcher.preparation.report import Report
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store
from deployments.faq_matcher.table import BadRow
from deployments.faq_matcher.text import has_words

PARTS = ("originals", "duplicates", "answers")
ORIGINAL, DUPLICATE, ANSWER = range(len(PARTS))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from, to name it in reports.

    Attributes:
        paths: the files of originals, duplicates and answers.
        text: the column of texts.
        answer: the column of originals that names their answer.
        has_answers: whether answers are part of the source; where they are not, none is missing.
    """

    paths: tuple[Path, Path, Path]
    text: str
    answer: str
    has_answers: bool

    @classmethod
    def of_posts(cls, path: Path) -> Origin:
        """A dump's file of posts."""
        return cls((path, path, path), "Body", "AcceptedAnswerId", has_answers=True)

    @classmethod
    def of_tables(cls, questions: Path, duplicates: Path | None, answers: Path | None) -> Origin:
        """Tables, of which only the first must be there."""
        paths = (questions, duplicates or questions, answers or questions)
        return cls(paths, "Text0", "AnswerId", has_answers=answers is not None)

    def row(self, part: int, line: int, column: str, problem: str) -> BadRow:
        """Names a row of a part."""
        return BadRow(self.paths[part], line, column, problem)


class Intake:
    """Takes rows of a source; leaving its block writes the last ones.

    Args:
        store: where they go.
        report: hears of those turned away.
        settings: how long a text must and may be.
        origin: where they come from.
    """

    def __init__(self, store: Store, report: Report, settings: PrepareSettings, origin: Origin) -> None:
        self.origin = origin
        self._report = report
        self._settings = settings
        self._rows = [
            store.inserting("INSERT INTO originals VALUES (?, ?, ?, ?)"),
            store.inserting("INSERT INTO duplicates VALUES (?, ?, ?, ?)"),
            store.inserting("INSERT INTO answers VALUES (?, ?, ?)"),
        ]
        self._texts = [
            store.inserting("INSERT INTO original_texts VALUES (?, ?)"),
            store.inserting("INSERT INTO duplicate_texts VALUES (?, ?)"),
            store.inserting("INSERT INTO answer_texts VALUES (?, ?)"),
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for batch in (*self._rows, *self._texts):
            batch.flush()

    def add_original(self, row_id: Id, answer_id: Id, line: int, text: str) -> bool:
        """Takes an original, unless its text cannot be used; tells whether it did."""
        return self._add_question(ORIGINAL, row_id, answer_id, line, text)

    def add_duplicate(self, row_id: Id, original_id: Id, line: int, text: str) -> bool:
        """Takes a duplicate, unless its text cannot be used; tells whether it did."""
        return self._add_question(DUPLICATE, row_id, original_id, line, text)

    def add_answer(self, row_id: Id, question_id: Id, line: int, text: str) -> bool:
        """Takes an answer, unless it says nothing; tells whether it did."""
        if not has_words(text):
            problem = "has no letters or digits" if text else "is empty"
            self.refuse(ANSWER, line, row_id, self.origin.text, problem)
            return False
        self._rows[ANSWER].add(row_id, question_id, line)
        self._add_text(ANSWER, row_id, text)
        return True

    def refuse(self, part: int, line: int, row_id: Id, column: str, problem: str) -> None:
        """Reports a row that cannot be used; `part` counts originals, duplicates, answers from 0."""
        self._report.drop(PARTS[part], problem, self.origin.row(part, line, column, problem), row_id)

    def _add_question(self, part: int, row_id: Id, link: Id, line: int, text: str) -> bool:
        problem = texts.problem(text, self._settings)
        if problem is not None:
            self.refuse(part, line, row_id, self.origin.text, problem)
            return False
        self._rows[part].add(row_id, link, line, texts.digest(text))
        self._add_text(part, row_id, text)
        return True

    def _add_text(self, part: int, row_id: Id, text: str) -> None:
        self._texts[part].add(row_id, text, characters=len(text))
