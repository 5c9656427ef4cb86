"""The first pass over a dump: which questions, answers and links there are, without their texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deployments.faq_matcher.preparation.report import Report, SourceFile, Step
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store
from deployments.faq_matcher.preparation.xml_rows import XmlRow, XmlRows
from deployments.faq_matcher.progress import Progress
from deployments.faq_matcher.table import BadRow

_QUESTION, _ANSWER = "1", "2"
_DUPLICATE = "3"
_MAX_DIGITS = 18

# Each column has its type: SQLite uses no index where those of two compared columns differ.
_SCHEMA = """
CREATE TABLE seen_questions (id INTEGER PRIMARY KEY, accepted INTEGER, tagged INTEGER, line INTEGER);
CREATE TABLE seen_answers (id INTEGER PRIMARY KEY, question_id INTEGER, score INTEGER, line INTEGER);
CREATE TABLE links (duplicate INTEGER, original INTEGER, line INTEGER);
"""


@dataclass(frozen=True, slots=True)
class DumpFiles:
    """Posts.xml and PostLinks.xml of one site."""

    posts: Path
    links: Path


class _BadValue(ValueError):
    """A row's attribute is wrong: its name, and the end of a sentence."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(column, problem)
        self.column = column
        self.problem = problem


def open_xml(path: Path, root: str, settings: PrepareSettings, progress: Progress, title: str) -> XmlRows:
    """A pass over a file of the dump, which tells of the bytes that it has read."""
    total, done = path.stat().st_size, 0

    def advance(amount: int) -> None:
        nonlocal done
        done += amount
        progress(title, done, total)

    progress(title, done, total)
    return XmlRows(path, root, accept_truncated=settings.accept_truncated, advance=advance)


def index_dump(files: DumpFiles, settings: PrepareSettings, store: Store, report: Report, progress: Progress) -> None:
    """Fills the tables `seen_questions`, `seen_answers` and `links`.

    Raises:
        StartupError: a file cannot be read, is no XML or breaks off.
    """
    store.create(_SCHEMA)
    rows = open_xml(files.links, "postlinks", settings, progress, "Reading links")
    _index_links(rows, store, report)
    _finish(rows, "links", report)
    rows = open_xml(files.posts, "posts", settings, progress, "Reading posts")
    with _PostIndex(files.posts, settings.tag, store, report) as index:
        for row in rows:
            index.add(row)
    _finish(rows, "posts", report)
    report.steps.append(
        Step("in the dump", *(store.count(seen) for seen in ("seen_questions", "links", "seen_answers")))
    )
    progress("Choosing posts", 0, 0)
    store.create("CREATE INDEX answers_by_question ON seen_answers (question_id, score DESC, id)")


def _finish(rows: XmlRows, part: str, report: Report) -> None:
    report.sources.append(SourceFile(str(rows.path), rows.rows, rows.sha256))
    if rows.truncated is not None:
        report.note(part, "come from a file that breaks off", rows.truncated)


def _index_links(rows: XmlRows, store: Store, report: Report) -> None:
    with store.inserting("INSERT INTO links VALUES (?, ?, ?)") as links:
        for line, values in rows:
            if values.get("LinkTypeId") != _DUPLICATE:
                continue
            try:
                links.add(_integer(values, "PostId"), _integer(values, "RelatedPostId"), line)
            except _BadValue as bad:
                report.drop("links", bad.problem, BadRow(rows.path, line, bad.column, bad.problem), values.get("Id"))


class _PostIndex:
    """Takes rows of Posts.xml; leaving its block writes the last ones."""

    def __init__(self, path: Path, tag: str | None, store: Store, report: Report) -> None:
        self._path = path
        self._tag = None if tag is None else tag.casefold()
        self._store = store
        self._report = report
        self._questions = store.inserting("INSERT INTO seen_questions VALUES (?, ?, ?, ?)")
        self._answers = store.inserting("INSERT INTO seen_answers VALUES (?, ?, ?, ?)")
        self._highest_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()

    def add(self, row: XmlRow) -> None:
        line, values = row
        try:
            kind = _attribute(values, "PostTypeId")
            if kind == _QUESTION:
                self._add_question(line, values)
            elif kind == _ANSWER:
                self._add_answer(line, values)
        except _BadValue as bad:
            self._report.drop("posts", bad.problem, BadRow(self._path, line, bad.column, bad.problem), values.get("Id"))

    def _add_question(self, line: int, values: dict[str, str]) -> None:
        accepted = _integer(values, "AcceptedAnswerId") if "AcceptedAnswerId" in values else None
        tagged = self._tag is None or self._tag in tags_of(values.get("Tags", ""))
        self._questions.add(self._new_id(values), accepted, int(tagged), line)

    def _add_answer(self, line: int, values: dict[str, str]) -> None:
        question = _integer(values, "ParentId")
        self._answers.add(self._new_id(values), question, _integer(values, "Score", signed=True), line)

    def _new_id(self, values: dict[str, str]) -> int:
        post_id = _integer(values, "Id")
        # Dumps are in the order of ids, so that hardly any has to be looked up.
        if post_id > self._highest_id:
            self._highest_id = post_id
        elif self._is_known(post_id):
            raise _BadValue("Id", "is there a second time; the first row counts")
        return post_id

    def _is_known(self, post_id: int) -> bool:
        self._flush()
        statement = "SELECT 1 FROM seen_questions WHERE id = ?1 UNION ALL SELECT 1 FROM seen_answers WHERE id = ?1"
        return self._store.execute(statement, (post_id,)).fetchone() is not None

    def _flush(self) -> None:
        self._questions.flush()
        self._answers.flush()


def tags_of(written: str) -> list[str]:
    """Tags in lower case; `<a><b>` up to 2023, `|a|b|` since."""
    return written.casefold().strip("<>|").replace("><", "|").split("|")


def _integer(values: dict[str, str], column: str, *, signed: bool = False) -> int:
    text = _attribute(values, column)
    digits = text.removeprefix("-") if signed else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS):
        raise _BadValue(column, "is no whole number")
    return int(text)


def _attribute(values: dict[str, str], name: str) -> str:
    try:
        return values[name]
    except KeyError:
        raise _BadValue(name, "is missing") from None
