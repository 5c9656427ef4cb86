"""Originals, duplicates and answers that are to join a model, read from tables and checked against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployments.errors import StartupError
from deployments.faq_matcher.data import (
    Answer,
    Duplicate,
    Id,
    Original,
    as_id,
    check_links,
    check_unambiguous,
    read_part,
)
from deployments.faq_matcher.table import Row

# Originals that a row may belong to.
_WHERE = ", in the model or new"


@dataclass(frozen=True, slots=True)
class Additions:
    """What joins a model.

    Attributes:
        originals: new ones; ids differ from those in the model.
        duplicates: other wordings of originals in the model, or of new ones.
        answers: answers to originals in the model, or to new ones.
    """

    originals: tuple[Original, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    answers: tuple[Answer, ...] = ()


def read_additions(
    originals: Sequence[Original],
    duplicates: Sequence[Duplicate],
    *,
    questions: Path | None = None,
    wordings: Path | None = None,
    answers: Path | None = None,
) -> Additions:
    """Reads what joins a model, in the tables of `read_faq`.

    Args:
        originals: the model's.
        duplicates: the model's.
        questions: new originals, with columns Id, AnswerId and Text0.
        wordings: new duplicates, with columns Id, AnswerId (that of an original in the model, or of a new one), Text0.
        answers: new answers, with columns Id, QuestionId (an original in the model, or a new one) and Text0.

    Raises:
        StartupError: there is nothing to add, a file cannot be read, or a row is not what it should be or does not go
            with the model; names file, line and column.
    """
    original_rows = read_part(questions, "AnswerId", {str(each.id) for each in originals})
    duplicate_rows = read_part(wordings, "AnswerId", {str(each.id) for each in duplicates})
    answer_rows = read_part(answers, "QuestionId")
    if not (original_rows or duplicate_rows or answer_rows):
        raise StartupError("There is nothing to add: name tables that have rows with --questions or --duplicates.")
    question_ids = {str(each.id) for each in originals} | {row.values["Id"] for row in original_rows}
    owners = Counter(str(each.answer_id) for each in originals)
    owners.update(row.values["AnswerId"] for row in original_rows)
    _check_taken(original_rows, owners, {str(each.answer_id) for each in duplicates})
    check_links(duplicate_rows, "AnswerId", owners, "AnswerId", where=_WHERE)
    check_unambiguous(duplicate_rows, owners)
    check_links(answer_rows, "QuestionId", question_ids, "Id", where=_WHERE)
    question_id = _reader([each.id for each in originals])
    answer_id = _reader([each.answer_id for each in originals])
    duplicate_id = _reader([each.id for each in duplicates] or _ids(duplicate_rows))
    return Additions(
        tuple(
            Original(question_id(row, "Id"), answer_id(row, "AnswerId"), row.values["Text0"]) for row in original_rows
        ),
        tuple(
            Duplicate(duplicate_id(row, "Id"), answer_id(row, "AnswerId"), row.values["Text0"])
            for row in duplicate_rows
        ),
        tuple(Answer(answer_id(row, "Id"), question_id(row, "QuestionId"), row.values["Text0"]) for row in answer_rows),
    )


def _check_taken(rows: Iterable[Row], owners: Mapping[str, int], by_duplicates: Collection[str]) -> None:
    """Duplicates name their original by its answer, and those in the model must go on naming one."""
    for row in rows:
        answer_id = row.values["AnswerId"]
        if answer_id in by_duplicates and owners[answer_id] > 1:
            raise row.error(
                "AnswerId", f"is {answer_id!r}, by which duplicates in the model name another original question"
            )


def _ids(rows: Iterable[Row]) -> list[Id]:
    return [as_id(row.values["Id"]) for row in rows]


def _reader(known: Sequence[Id]) -> Callable[[Row, str], Id]:
    """Reads ids as those that are known: all integers, or all text."""
    integers = all(isinstance(value, int) for value in known)

    def read(row: Row, column: str) -> Id:
        value = as_id(row.values[column])
        if not integers:
            return row.values[column]
        if isinstance(value, str):
            raise row.error(column, f"is {value!r} where such ids in the model are integers: use an integer")
        return value

    return read
