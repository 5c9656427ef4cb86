"""Public FAQs to measure accuracy with, and how each is split into what is known and what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from deployments.faq_matcher.data import PREPARED_TEST, Duplicate, FaqData, Id, read_faq, read_labelled, read_prepared
from deployments.faq_matcher.preparation.dump import DumpSource
from deployments.faq_matcher.preparation.pipeline import prepare
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.xml_rows import XmlRows

# Of all that is asked, strangers included.
SHARE_OF_STRANGERS = 0.2

_MENTION = "1"


@dataclass(frozen=True, slots=True)
class Task:
    """What a method may learn from, and what it is asked then.

    Attributes:
        data: the FAQ to learn from.
        asked: questions with the original that each means.
        seed: of whatever the method draws.
        strangers: texts that mean no original, by where they are from.
        own: place of the original that has a text; a question is not to be answered with itself.
    """

    data: FaqData
    asked: tuple[Duplicate, ...]
    seed: int = 0
    strangers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    own: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dump:
    """A prepared Stack Exchange dump.

    Attributes:
        data: every answered question that is no duplicate as an original; no duplicates.
        duplicates: its duplicates.
        mentions: questions whose text links to an original, once for each; both are originals.
    """

    data: FaqData
    duplicates: tuple[Duplicate, ...]
    mentions: tuple[Duplicate, ...]


def read_stackfaq(folder: Path) -> FaqData:
    """Reads stackfaq_orig.tsv, stackfaq_dup.tsv and stackfaq_ans.tsv.

    Raises:
        StartupError: a file cannot be read.
    """
    return read_faq(*(folder / f"stackfaq_{part}.tsv" for part in ("orig", "dup", "ans")))


def read_dump(folder: Path) -> Dump:
    """Prepares a dump as `scoring faq prepare` does, all duplicates held out.

    Raises:
        StartupError: a file cannot be read.
    """
    with TemporaryDirectory(prefix="loadtest-") as directory:
        prepared = Path(directory) / "prepared"
        prepare(DumpSource(folder), prepared, PrepareSettings(test_fraction=1.0))
        data = read_prepared(prepared)
        duplicates = tuple(read_labelled(prepared / PREPARED_TEST, data.originals))
    return Dump(data, duplicates, tuple(_mentions(folder, data)))


def titles(data: FaqData) -> list[str]:
    """First lines of the originals; of HTML texts, what stands before the body."""
    return [original.text.split("\n", 1)[0].split(". <", 1)[0] for original in data.originals]


def nothing_known(data: FaqData) -> Task:
    """Every duplicate is asked; nothing but originals and answers is known."""
    return Task(replace(data, duplicates=()), data.duplicates)


def half_known(data: FaqData, seed: int) -> Task:
    """Half of each original's duplicates, drawn by the seed, is known; of odd numbers, the larger half."""
    drawn = np.random.default_rng(seed).permutation(len(data.duplicates))
    seen: dict[Id, int] = {}
    known: list[Duplicate] = []
    asked: list[Duplicate] = []
    for duplicate in (data.duplicates[place] for place in drawn.tolist()):
        count = seen.get(duplicate.answer_id, 0)
        (asked if count % 2 else known).append(duplicate)
        seen[duplicate.answer_id] = count + 1
    return Task(replace(data, duplicates=tuple(known)), tuple(asked), seed)


def with_strangers(task: Task, source: str, texts: Sequence[str]) -> Task:
    """Mixes texts in that mean no original, drawn by the task's seed: a fifth of all, or as many as there are."""
    number = round(len(task.asked) * SHARE_OF_STRANGERS / (1 - SHARE_OF_STRANGERS))
    drawn = np.random.default_rng(task.seed).permutation(len(texts))[:number]
    return replace(task, strangers={**task.strangers, source: [texts[place] for place in drawn.tolist()]})


def without_some_originals(task: Task, source: str) -> Task:
    """Takes a fifth of the originals away, drawn by the task's seed, so that their questions become strangers."""
    originals = task.data.originals
    number = round(len(originals) * SHARE_OF_STRANGERS)
    places = np.random.default_rng(task.seed).permutation(len(originals))[:number].tolist()
    gone = [originals[place] for place in places]
    answer_ids, ids = {original.answer_id for original in gone}, {original.id for original in gone}
    data = FaqData(
        tuple(original for original in originals if original.id not in ids),
        tuple(duplicate for duplicate in task.data.duplicates if duplicate.answer_id not in answer_ids),
        tuple(answer for answer in task.data.answers if answer.question_id not in ids),
    )
    asked = tuple(question for question in task.asked if question.answer_id not in answer_ids)
    strangers = [question.text for question in task.asked if question.answer_id in answer_ids]
    return Task(data, asked, task.seed, {source: strangers})


def mentions(dump: Dump) -> Task:
    """Questions of a dump ask for the questions that they link to, themselves left out."""
    own = {original.text: place for place, original in enumerate(dump.data.originals)}
    return Task(dump.data, dump.mentions, own=own)


def _mentions(folder: Path, data: FaqData) -> list[Duplicate]:
    originals = {original.id: original for original in data.originals}
    found: dict[tuple[Id, Id], Duplicate] = {}
    for _, row in XmlRows(folder / "PostLinks.xml", "postlinks", accept_truncated=False, advance=lambda _: None):
        ends = (int(row["PostId"]), int(row["RelatedPostId"]))
        asking, target = originals.get(ends[0]), originals.get(ends[1])
        if row["LinkTypeId"] == _MENTION and asking and target and asking is not target:
            found[ends] = Duplicate(asking.id, target.answer_id, asking.text)
    return list(found.values())
