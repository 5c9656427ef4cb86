"""Which posts of a dump are wanted: decided before any text is read."""
# ruff: noqa: S608 - what is put into statements are words and integers of our own

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.faq_matcher.preparation.dump_index import DumpFiles
from deployments.faq_matcher.preparation.intake import ANSWER, DUPLICATE, ORIGINAL
from deployments.faq_matcher.preparation.links import follow
from deployments.faq_matcher.preparation.report import Report, Step
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store
from deployments.faq_matcher.table import BadRow

# `role` counts the parts as intake.py does; `link` is the answer of an original, the original of a duplicate and the
# question of an answer.
_SCHEMA = """
CREATE TABLE roots (duplicate INTEGER PRIMARY KEY, original INTEGER);
CREATE TABLE wanted (id INTEGER PRIMARY KEY, role INTEGER, link INTEGER, line INTEGER);
"""

# Of several links of one duplicate, the first here is kept.
_LINKS = """
SELECT links.duplicate, links.original, links.line, about.id, target.id
FROM links
LEFT JOIN seen_questions AS about ON about.id = links.duplicate
LEFT JOIN seen_questions AS target ON target.id = links.original
ORDER BY links.duplicate, target.tagged DESC, links.original, links.line
"""

_ORIGINALS = """
INSERT INTO wanted
SELECT question.id, {role}, COALESCE(
    (SELECT id FROM seen_answers WHERE id = question.accepted AND question_id = question.id),
    (SELECT id FROM seen_answers WHERE question_id = question.id ORDER BY score DESC, id LIMIT 1)
), question.line
FROM seen_questions AS question
WHERE question.tagged AND question.id NOT IN (SELECT duplicate FROM roots)
"""


@dataclass(frozen=True, slots=True)
class _Links:
    """Links of duplicates, one for each, in the order of ids; (n,) int64 each."""

    duplicates: NDArray[np.int64]
    originals: NDArray[np.int64]
    lines: NDArray[np.int64]


def select_posts(files: DumpFiles, settings: PrepareSettings, store: Store, report: Report) -> None:
    """Fills the table `wanted` from those that the first pass made.

    An original's answer is the accepted one, else the best-scored, of these the oldest. A duplicate's original is one
    with the tag before others, then the oldest.
    """
    store.create(_SCHEMA)
    _follow_links(files.links, store, report)
    store.execute(_ORIGINALS.format(role=ORIGINAL))
    _note_missing_accepted(files.posts, store, report)
    _settle_unanswered(files.posts, settings, store, report)
    _drop_rare(files.posts, settings, store, report)
    _want_duplicates(files.posts, store, report)
    _want_answers(store)
    roles = dict(store.execute("SELECT role, COUNT(*) FROM wanted GROUP BY role").fetchall())
    report.steps.append(Step("wanted", *(roles.get(role, 0) for role in (ORIGINAL, DUPLICATE, ANSWER))))
    for table in ("links", "seen_answers", "seen_questions", "roots"):
        store.execute(f"DROP TABLE {table}")


def _follow_links(path: Path, store: Store, report: Report) -> None:
    checked = _checked_links(path, store, report)
    kept = np.fromiter(chain.from_iterable(checked), np.int64).reshape(-1, 3)
    links = _Links(kept[:, 0], kept[:, 1], kept[:, 2])
    chains = follow(links.duplicates, links.originals)
    for place in np.flatnonzero(chains.broken).tolist():
        problem = "closes a circle of duplicates, whose oldest question became the original"
        row = BadRow(path, int(links.lines[place]), "RelatedPostId", problem)
        report.drop("links", problem, row, int(links.duplicates[place]))
    with store.inserting("INSERT INTO roots VALUES (?, ?)") as batch:
        for place in np.flatnonzero(~chains.broken).tolist():
            batch.add(int(links.duplicates[place]), int(chains.roots[place]))


def _checked_links(path: Path, store: Store, report: Report) -> Iterator[tuple[int, int, int]]:
    last = None
    for duplicate, original, line, known_duplicate, known_original in store.execute(_LINKS):
        problem = None
        if known_duplicate is None:
            problem = ("PostId", "is that of no question in Posts.xml")
        elif known_original is None:
            problem = ("RelatedPostId", "is that of no question in Posts.xml")
        elif duplicate == original:
            problem = ("RelatedPostId", "is the question itself")
        elif duplicate == last:
            problem = ("RelatedPostId", "is another original of a question whose original is known")
        if problem is None:
            last = duplicate
            yield duplicate, original, line
        else:
            report.drop("links", problem[1], BadRow(path, line, *problem), duplicate)


def _note_missing_accepted(path: Path, store: Store, report: Report) -> None:
    statement = f"""
        SELECT question.id, question.line FROM seen_questions AS question JOIN wanted ON wanted.id = question.id
        WHERE wanted.role = {ORIGINAL} AND question.accepted IS NOT wanted.link AND question.accepted IS NOT NULL
        ORDER BY question.id"""
    for post_id, line in store.execute(statement):
        problem = "is that of no answer to this question; the best-scored answer counts, where there is one"
        report.note("originals", problem, BadRow(path, line, "AcceptedAnswerId", problem), post_id)


def _settle_unanswered(path: Path, settings: PrepareSettings, store: Store, report: Report) -> None:
    unanswered = f"role = {ORIGINAL} AND link IS NULL"
    if not settings.require_answer:
        # Questions and answers share their ids: no answer has this one.
        store.execute(f"UPDATE wanted SET link = id WHERE {unanswered}")
        return
    for post_id, line in store.execute(f"SELECT id, line FROM wanted WHERE {unanswered} ORDER BY id"):
        problem = "is that of no answer to this question, and there is no other"
        report.drop("originals", problem, BadRow(path, line, "AcceptedAnswerId", problem), post_id)
    store.execute(f"DELETE FROM wanted WHERE {unanswered}")


def _drop_rare(path: Path, settings: PrepareSettings, store: Store, report: Report) -> None:
    # Again when texts are known; here it spares reading most of them.
    rare = f"role = {ORIGINAL} AND (SELECT COUNT(*) FROM roots WHERE original = wanted.id) < {settings.min_duplicates}"
    store.execute("CREATE INDEX roots_by_original ON roots (original)")
    problem = f"has fewer than {settings.min_duplicates} duplicates"
    for post_id, line in store.execute(f"SELECT id, line FROM wanted WHERE {rare} ORDER BY id"):
        report.drop("originals", problem, BadRow(path, line, "Id", problem), post_id)
    store.execute(f"DELETE FROM wanted WHERE {rare}")


def _want_duplicates(path: Path, store: Store, report: Report) -> None:
    lost = """
        SELECT roots.duplicate, question.line, original.tagged FROM roots
        JOIN seen_questions AS question ON question.id = roots.duplicate
        JOIN seen_questions AS original ON original.id = roots.original
        WHERE roots.original NOT IN (SELECT id FROM wanted) ORDER BY roots.duplicate"""
    for post_id, line, tagged in store.execute(lost):
        problem = f"belongs to an original {'that was dropped' if tagged else 'without the tag'}"
        report.drop("duplicates", problem, BadRow(path, line, "Id", problem), post_id)
    store.execute(f"""
        INSERT INTO wanted
        SELECT roots.duplicate, {DUPLICATE}, roots.original, question.line FROM roots
        JOIN seen_questions AS question ON question.id = roots.duplicate
        WHERE roots.original IN (SELECT id FROM wanted)""")


def _want_answers(store: Store) -> None:
    store.execute(f"""
        INSERT INTO wanted
        SELECT answer.id, {ANSWER}, wanted.id, answer.line FROM wanted
        JOIN seen_answers AS answer ON answer.id = wanted.link
        WHERE wanted.role = {ORIGINAL}""")
