"""What of the questions taken in is kept: nothing twice, and originals with enough duplicates and an answer."""
# ruff: noqa: S608 - what is put into statements are words and integers of our own

from __future__ import annotations

from deployments.faq_matcher.preparation.intake import DUPLICATE, ORIGINAL, PARTS, Origin
from deployments.faq_matcher.preparation.report import Report, Step
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store

_SAME_TEXT = """
CREATE TABLE same_text (id PRIMARY KEY, kept) WITHOUT ROWID;
CREATE INDEX originals_by_text ON originals (digest, id);
CREATE INDEX duplicates_by_text ON duplicates (digest, id);
INSERT INTO same_text SELECT id, kept FROM
    (SELECT id, MIN(id) OVER (PARTITION BY digest) AS kept FROM originals) WHERE id != kept;
"""

_REPEATED = (
    "digest IN (SELECT digest FROM originals) OR EXISTS "
    "(SELECT 1 FROM duplicates AS first WHERE first.digest = duplicates.digest AND first.id < duplicates.id)"
)
_ORPHANED = "original_id NOT IN (SELECT id FROM originals)"
# A duplicate names its original by its answer. A merge may bring it to an original that shares its answer.
_AMBIGUOUS = """original_id IN (SELECT id FROM originals WHERE answer_id IN
    (SELECT answer_id FROM originals GROUP BY 1 HAVING COUNT(*) > 1))"""
_UNANSWERED = "answer_id NOT IN (SELECT id FROM answers)"


class Selection:
    """Drops rows of a store step by step; each step and each row dropped is reported."""

    def __init__(self, settings: PrepareSettings, store: Store, report: Report, origin: Origin) -> None:
        self._settings = settings
        self._store = store
        self._report = report
        self._origin = origin

    def run(self) -> None:
        """Takes all steps."""
        self._step("with a text that can be used")
        if self._settings.require_answer and self._origin.has_answers:
            self._drop(ORIGINAL, _UNANSWERED, self._origin.answer, "is that of no answer that was kept")
            self._drop_orphans()
            self._step("with an answer")
        if self._settings.min_duplicates:
            self._drop_rare()
            self._step(f"with {self._settings.min_duplicates} or more duplicates")
        self._merge_originals()
        self._drop(DUPLICATE, _REPEATED, self._origin.text, "is the same text as that of another question")
        self._step("each text once")
        if self._settings.min_duplicates:
            self._drop_rare()
        self._store.execute("DELETE FROM answers WHERE question_id NOT IN (SELECT id FROM originals)")
        self._step("kept")

    def _merge_originals(self) -> None:
        self._store.create(_SAME_TEXT)
        self._store.execute("""
            UPDATE duplicates SET original_id = (SELECT kept FROM same_text WHERE id = duplicates.original_id)
            WHERE original_id IN (SELECT id FROM same_text)""")
        merged = "id IN (SELECT id FROM same_text)"
        self._drop(ORIGINAL, merged, self._origin.text, "is the same text as that of another original")
        self._drop(DUPLICATE, _AMBIGUOUS, self._origin.answer, "is that of several originals")

    def _drop_rare(self) -> None:
        fewer = f"{self._settings.min_duplicates} duplicates"
        enough = f"SELECT original_id FROM duplicates GROUP BY 1 HAVING COUNT(*) >= {self._settings.min_duplicates}"
        self._drop(ORIGINAL, f"id NOT IN ({enough})", "Id", f"has fewer than {fewer}")
        self._drop_orphans()

    def _drop_orphans(self) -> None:
        self._drop(DUPLICATE, _ORPHANED, "Id", "belongs to an original that was dropped")

    def _drop(self, part: int, condition: str, column: str, problem: str) -> None:
        table = PARTS[part]
        for row_id, line in self._store.execute(f"SELECT id, line FROM {table} WHERE {condition} ORDER BY id"):
            self._report.drop(table, problem, self._origin.row(part, line, column, problem), row_id)
        self._store.execute(f"DELETE FROM {table} WHERE {condition}")

    def _step(self, name: str) -> None:
        self._report.steps.append(Step(name, *(self._store.count(part) for part in PARTS)))
