"""A FAQ: original questions, their other wordings and their answers, read from files."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

from deployments.errors import StartupError
from deployments.faq_matcher.table import Row, place, read_rows
from deployments.faq_matcher.text import has_words

Id = int | str

# What `scoring faq prepare` writes.
PREPARED_QUESTIONS = "questions.parquet"
PREPARED_DUPLICATES = "duplicates.parquet"
PREPARED_TEST = "test.parquet"
PREPARED_ANSWERS = "answers.parquet"
PREPARED_REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Original:
    """A question of the FAQ; `answer_id` names its best answer; the first line of `text` is its title."""

    id: Id
    answer_id: Id
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another wording of the original that has the same `answer_id`."""

    id: Id
    answer_id: Id
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the original whose id is `question_id`."""

    id: Id
    question_id: Id
    text: str


@dataclass(frozen=True)
class FaqData:
    """A whole FAQ, in the order of its files.

    Attributes:
        originals: at least one; ids are unique.
        duplicates: other wordings; each belongs to exactly one original.
        answers: answers to originals.
    """

    originals: tuple[Original, ...]
    duplicates: tuple[Duplicate, ...] = ()
    answers: tuple[Answer, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content, in hexadecimal; whitespace and columns that are not read do not count."""
        parts = [[astuple(item) for item in part] for part in (self.originals, self.duplicates, self.answers)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_faq(questions: Path, duplicates: Path | None = None, answers: Path | None = None) -> FaqData:
    """Reads a FAQ from tables (.tsv, .txt, .csv, .jsonl, .ndjson or .parquet).

    Args:
        questions: originals, with columns Id, AnswerId and Text0; further columns are ignored.
        duplicates: other wordings, with columns Id, AnswerId (that of the original) and Text0.
        answers: answers, with columns Id, QuestionId and Text0.

    Raises:
        StartupError: a file cannot be read, or a row is not what it should be; names file, line and column.
    """
    original_rows = read_part(questions, "AnswerId")
    duplicate_rows = read_part(duplicates, "AnswerId")
    answer_rows = read_part(answers, "QuestionId")
    if not original_rows:
        raise StartupError(f"{questions} holds no question: add a row for each.")
    owners = Counter(_column(original_rows, "AnswerId"))
    check_links(duplicate_rows, "AnswerId", owners, "AnswerId")
    check_links(answer_rows, "QuestionId", set(_column(original_rows, "Id")), "Id")
    check_unambiguous(duplicate_rows, owners)
    return _build(original_rows, duplicate_rows, answer_rows)


def read_prepared(directory: Path) -> FaqData:
    """Reads what `scoring faq prepare` wrote, without the questions held out for a test.

    Raises:
        StartupError: the directory holds no prepared data, or its files are not what they should be.
    """
    if not (directory / PREPARED_REPORT).is_file():
        raise StartupError(f"{directory} holds no prepared FAQ: make one with `scoring faq prepare`.")
    parts = (PREPARED_QUESTIONS, PREPARED_DUPLICATES, PREPARED_ANSWERS)
    return read_faq(*(directory / part for part in parts))


def read_labelled(path: Path, originals: Iterable[Original]) -> list[Duplicate]:
    """Reads questions whose original is known, to test a matcher with.

    Args:
        path: table with columns Id, AnswerId (that of the original) and Text0.
        originals: the originals among which the matcher chooses.

    Raises:
        StartupError: the file cannot be read, or a row is not what it should be; names file, line and column.
    """
    answer_id = {str(original.answer_id): original.answer_id for original in originals}
    rows = read_part(path, "AnswerId")
    check_links(rows, "AnswerId", answer_id, "AnswerId")
    own = _ids(_column(rows, "Id"))
    return [Duplicate(own[row.values["Id"]], answer_id[row.values["AnswerId"]], row.values["Text0"]) for row in rows]


def read_part(path: Path | None, link: str, known: Container[str] = ()) -> list[Row]:
    """Reads a table whose rows have an id, a text and the name of what they belong to.

    Args:
        path: the table; None for none.
        link: the column that names what a row belongs to.
        known: ids that the model has already, as they are written.

    Raises:
        StartupError: the file cannot be read, a value is missing, or an id is there a second time.
    """
    rows = [] if path is None else read_rows(path, ("Id", link, "Text0"))
    seen: dict[str, Row] = {}
    for row in rows:
        for column, value in row.values.items():
            if not value:
                raise row.error(column, "is empty")
        if not has_words(row.values["Text0"]):
            raise row.error("Text0", "has no letters or digits")
        written = row.values["Id"]
        if written in known:
            raise row.error("Id", f"is {written!r}, which the model has already: ids must be unique")
        first = seen.setdefault(written, row)
        if first is not row:
            raise row.error("Id", f"is {written!r} again, as in {place(row.path, first.line)}: ids must be unique")
    return rows


def check_links(rows: Iterable[Row], column: str, known: Container[str], of: str, *, where: str = "") -> None:
    """Checks that rows belong to originals that are there.

    Args:
        rows: duplicates or answers.
        column: what names the original.
        known: names of originals.
        of: the column of originals that holds these names.
        where: where originals are looked for, if in more than one place; ends a sentence.

    Raises:
        StartupError: a row belongs to no original.
    """
    for row in rows:
        if row.values[column] not in known:
            raise row.error(column, f"is {row.values[column]!r}, which is the {of} of no original question{where}")


def check_unambiguous(duplicates: Iterable[Row], owners: Mapping[str, int]) -> None:
    """Checks that duplicates belong to one original each.

    Args:
        duplicates: rows that name their original by its answer.
        owners: how many originals have an answer.

    Raises:
        StartupError: originals share the answer that a row names.
    """
    for row in duplicates:
        answer_id = row.values["AnswerId"]
        if owners[answer_id] > 1:
            raise row.error("AnswerId", f"is {answer_id!r}, which {owners[answer_id]} original questions share")


def _build(originals: Sequence[Row], duplicates: Sequence[Row], answers: Sequence[Row]) -> FaqData:
    question_id = _ids([*_column(originals, "Id"), *_column(answers, "QuestionId")])
    answer_id = _ids([*_column(originals, "AnswerId"), *_column(answers, "Id")])
    duplicate_id = _ids(_column(duplicates, "Id"))
    return FaqData(
        tuple(
            Original(question_id[row.values["Id"]], answer_id[row.values["AnswerId"]], row.values["Text0"])
            for row in originals
        ),
        tuple(
            Duplicate(duplicate_id[row.values["Id"]], answer_id[row.values["AnswerId"]], row.values["Text0"])
            for row in duplicates
        ),
        tuple(
            Answer(answer_id[row.values["Id"]], question_id[row.values["QuestionId"]], row.values["Text0"])
            for row in answers
        ),
    )


def _column(rows: Iterable[Row], column: str) -> list[str]:
    return [row.values[column] for row in rows]


def _ids(written: Sequence[str]) -> dict[str, Id]:
    """Ids by how they are written: integers where all of them are, so that none changes (`007` stays text)."""
    ids = {text: as_id(text) for text in written}
    return ids if all(isinstance(value, int) for value in ids.values()) else {text: text for text in written}


def as_id(text: str) -> Id:
    """An integer where the text is how one is written (`7`, not `007` or `+7`) and fits into 64 bits, else the text."""
    # 18 digits: what fits into the INT64 of the inference protocol.
    is_integer = len(text) <= 18 and text.removeprefix("-").isdecimal() and str(int(text)) == text  # noqa: PLR2004
    return int(text) if is_integer else text
