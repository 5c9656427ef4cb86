"""Every set, every method, every seed: what the tables of `faq-accuracy` are made of."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployments.contracts import Question
from deployments.errors import StartupError
from deployments.faq_matcher.data import FaqData, read_faq
from deployments.faq_matcher.encoder import is_available
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.source import read_sample
from deployments.faq_matcher.training import train
from loadtest.errors import BenchmarkError
from loadtest.in_process import faq_sets
from loadtest.in_process.faq_embedding import Embedding
from loadtest.in_process.faq_methods import Method, cosines, our_methods, regressions
from loadtest.in_process.faq_pairs import REFERENCE, pair_methods
from loadtest.in_process.faq_sets import Dump, Task
from loadtest.in_process.faq_trials import Trial, run

_STACKFAQ = "StackFAQ"
_JAVASCRIPT = "javascript_questions.tsv"
_QUANTUM, _CONLANG = "quantumcomputing_2018-09", "conlang_meta_2020-08"

_KEPT_BACK = "StackFAQ without a fifth of its originals"


@dataclass(frozen=True, slots=True)
class Setting:
    """Methods on one set that is split one way.

    Attributes:
        name: of the set, and what is asked of it.
        questions: how many are asked; the mean over the seeds.
        originals: how many there are.
        trials: of each method, by its name, one for each seed; None where it has nothing to learn from.
    """

    name: str
    questions: int
    originals: int
    trials: dict[str, list[Trial] | None]


@dataclass(frozen=True, slots=True)
class Measured:
    """All that there is to show.

    Attributes:
        unaided: StackFAQ without duplicates; None where the set is not there.
        halves: StackFAQ with half of the duplicates; the same.
        kept_back: StackFAQ with half of the duplicates and without a fifth of the originals; the same.
        dumps: what is asked of the dumps.
        left_out: sentences on what is not there.
    """

    unaided: Setting | None
    halves: Setting | None
    kept_back: Setting | None
    dumps: Sequence[Setting]
    left_out: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Sets:
    stackfaq: FaqData | None
    javascript: FaqData | None
    dumps: dict[str, Dump]
    left_out: list[str] = field(default_factory=list)


def measure(folder: Path, seeds: int) -> Measured:
    """Measures on whatever sets a folder holds.

    Args:
        folder: holds `faq/` with the tables and `stackexchange_dump/` with the dumps.
        seeds: how many splits of the duplicates, by the seeds 0, 1, ...

    Raises:
        BenchmarkError: the folder holds none of the sets, or one that cannot be read.
    """
    try:
        sets = _read(folder)
        embedding = Embedding() if is_available() else None
        if embedding is None:
            sets.left_out.append("The sentence encoder is not installed: methods with one are left out.")
        _warm_up(embedding)
        return _measured(sets, embedding, seeds)
    except StartupError as error:
        raise BenchmarkError(str(error)) from None


def _read(folder: Path) -> _Sets:
    left_out: list[str] = []
    tables, dumps = folder / "faq", folder / "stackexchange_dump"

    def found(path: Path) -> bool:
        if not path.is_file():
            left_out.append(f"{path.relative_to(folder)} is not in the data: what needs it is left out.")
        return path.is_file()

    stackfaq = faq_sets.read_stackfaq(tables) if found(tables / "stackfaq_orig.tsv") else None
    javascript = read_faq(tables / _JAVASCRIPT) if found(tables / _JAVASCRIPT) else None
    read = {
        name: faq_sets.read_dump(dumps / name) for name in (_QUANTUM, _CONLANG) if found(dumps / name / "Posts.xml")
    }
    if stackfaq is None and not read:
        raise BenchmarkError(
            f"{folder} holds none of the sets: it needs faq/stackfaq_orig.tsv, or stackexchange_dump/{_QUANTUM}."
        )
    return _Sets(stackfaq, javascript, read, left_out)


def _warm_up(embedding: Embedding | None) -> None:
    """Compiles what is compiled at its first use."""
    sample = read_sample()
    FaqModel(train(sample)).score([Question(sample.originals[0].text)])
    if embedding is not None:
        embedding.of(["What?", "Why?"])


def _measured(sets: _Sets, embedding: Embedding | None, seeds: int) -> Measured:
    ours, simple = our_methods(embedding), cosines(embedding)
    learning = [*pair_methods(embedding), *regressions(embedding)]
    unaided = halves = kept_back = None
    if sets.stackfaq is not None:
        data = sets.stackfaq
        every = [*simple, *learning, *ours]
        strange = _strangers(sets)
        tasks = [_mixed(faq_sets.half_known(data, seed), strange) for seed in range(seeds)]
        unaided = _setting(
            f"{_STACKFAQ}, no duplicates", [faq_sets.nothing_known(data)], [*simple, REFERENCE, *ours], embedding
        )
        halves = _setting(f"{_STACKFAQ}, half of the duplicates", tasks, every, embedding)
        fewer = [faq_sets.without_some_originals(task, _KEPT_BACK) for task in tasks]
        kept_back = _setting(_KEPT_BACK, fewer, ours, embedding)
    dumps = [
        _setting(name, [task], [*simple, *ours], embedding)
        for site, dump in sets.dumps.items()
        for name, task in _asked_of(site, dump)
    ]
    return Measured(unaided, halves, kept_back, dumps, sets.left_out)


def _strangers(sets: _Sets) -> dict[str, list[str]]:
    found = {}
    if _QUANTUM in sets.dumps:
        found["quantum computing titles"] = faq_sets.titles(sets.dumps[_QUANTUM].data)
    if sets.javascript is not None:
        found["JavaScript titles"] = faq_sets.titles(sets.javascript)
    return found


def _mixed(task: Task, strange: dict[str, list[str]]) -> Task:
    for source, texts in strange.items():
        task = faq_sets.with_strangers(task, source, texts)
    return task


def _asked_of(site: str, dump: Dump) -> list[tuple[str, Task]]:
    name = re.sub(r"_.*", "", site)
    asked = []
    if dump.duplicates:
        asked.append((f"{name}, duplicates", Task(dump.data, dump.duplicates)))
    if site == _QUANTUM and dump.mentions:
        asked.append((f"{name}, linked", faq_sets.mentions(dump)))
    return asked


def _setting(name: str, tasks: Sequence[Task], methods: Sequence[Method], embedding: Embedding | None) -> Setting:
    trials = {method.name: _trials(name, method, tasks, embedding) for method in methods}
    questions = round(sum(len(task.asked) for task in tasks) / len(tasks))
    return Setting(name, questions, len(tasks[0].data.originals), trials)


def _trials(name: str, method: Method, tasks: Sequence[Task], embedding: Embedding | None) -> list[Trial] | None:
    if method.needs_duplicates and not all(task.data.duplicates for task in tasks):
        return None
    found = []
    for number, task in enumerate(tasks, 1):
        _say(f"{name}: {method.name}, {number} of {len(tasks)}")
        found.append(run(method, task, embedding))
    return found


def _say(text: str) -> None:
    # It takes minutes; whoever waits may know how far it is.
    print(text, file=sys.stderr, flush=True)
