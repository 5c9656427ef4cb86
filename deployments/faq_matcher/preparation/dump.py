"""A Stack Exchange dump as a source: Posts.xml is read twice, and only wanted texts are kept."""

from __future__ import annotations

from pathlib import Path

from deployments.errors import StartupError
from deployments.faq_matcher.preparation import texts
from deployments.faq_matcher.preparation.dump_index import DumpFiles, index_dump, open_xml
from deployments.faq_matcher.preparation.dump_selection import select_posts
from deployments.faq_matcher.preparation.html_text import UnreadableHtml, to_text
from deployments.faq_matcher.preparation.intake import ANSWER, DUPLICATE, ORIGINAL, Intake, Origin
from deployments.faq_matcher.preparation.report import Report
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import Store
from deployments.faq_matcher.preparation.xml_rows import XmlRow
from deployments.faq_matcher.progress import Progress

_POSTS = "Posts.xml"
_POST_LINKS = "PostLinks.xml"


class DumpSource:
    """The unpacked dump of one site.

    Args:
        directory: holds Posts.xml and PostLinks.xml.

    Raises:
        StartupError: it does not.
    """

    def __init__(self, directory: Path) -> None:
        self._files = DumpFiles(directory / _POSTS, directory / _POST_LINKS)
        for path in (self._files.posts, self._files.links):
            if not path.is_file():
                raise StartupError(
                    f"{directory} holds no {path.name}: unpack a site's archive of the Stack Exchange dump there."
                )

    def read(self, settings: PrepareSettings, store: Store, report: Report, progress: Progress) -> Intake:
        """Fills the store with originals, duplicates and answers.

        Raises:
            StartupError: a file cannot be read, is no XML or breaks off.
        """
        index_dump(self._files, settings, store, report, progress)
        select_posts(self._files, settings, store, report)
        posts = self._files.posts
        with Intake(store, report, settings, Origin.of_posts(posts)) as intake:
            wanted = _Wanted(store)
            for row in open_xml(posts, "posts", settings, progress, "Reading texts"):
                _take(row, wanted, intake, settings)
        store.execute("DROP TABLE wanted")
        return intake


class _Wanted:
    """Which post is what: a row of the table `wanted` by its id and line."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, post_id: str | None, line: int) -> tuple[int, int] | None:
        """Role and link of a post; None where it is not wanted."""
        found = self._store.execute("SELECT role, link, line FROM wanted WHERE id = ?", (post_id,)).fetchone()
        # Another line has the id of an earlier one.
        return (found[0], found[1]) if found and found[2] == line else None


def _take(row: XmlRow, wanted: _Wanted, intake: Intake, settings: PrepareSettings) -> None:
    line, values = row
    found = wanted.find(values.get("Id"), line)
    if found is None:
        return
    role, link = found
    post_id = int(values["Id"])
    add = {ORIGINAL: intake.add_original, DUPLICATE: intake.add_duplicate, ANSWER: intake.add_answer}[role]
    try:
        text = _answer_text(values) if role == ANSWER else _question_text(values, settings)
    except (KeyError, UnreadableHtml) as error:
        column, problem = (error.args[0], "is missing") if isinstance(error, KeyError) else ("Body", str(error))
        intake.refuse(role, line, post_id, column, problem)
    else:
        add(post_id, link, line, text)


def _question_text(values: dict[str, str], settings: PrepareSettings) -> str:
    body = to_text(values["Body"], code_blocks=settings.code == "keep")
    return texts.title_and_body(values["Title"], body)


def _answer_text(values: dict[str, str]) -> str:
    return to_text(values["Body"])
