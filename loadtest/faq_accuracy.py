"""How often the FAQ matcher is right, beside other methods, on public sets."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.errors import BenchmarkError
from loadtest.report import Report

if TYPE_CHECKING:
    from deployments.faq_matcher.evaluation.metrics import Metrics
    from loadtest.in_process.faq_accuracy import Measured, Setting
    from loadtest.in_process.faq_trials import Trial

_RANKING = ["Method", "Acc@1", "Acc@2", "Acc@3", "Acc@10", "Mean rank", "MRR", "ECE", "Training s", "Question ms"]
_NO_MATCH = [
    "Method", "Strangers", "Strangers rejected", "Rejected that are strangers", "Questions answered",
    "Answers that are right", "ECE",
]  # fmt: skip

_ONE_RUN = "One run: nothing is drawn. Acc@1 with its 95 % confidence interval (Wilson)."
_ONE_SPLIT = "One split. Acc@1 with its 95 % confidence interval (Wilson)."
_RERUNS = "Means; of Acc@1, mean rank and ECE the lowest and the highest over {} splits, too."
_REFERENCE = (
    "The reference's method is written anew from its description: gradient boosting on the TF-IDF of both texts side "
    "by side, pairs of a duplicate with its original and with 20 others drawn by the seed. What differs: "
    "scikit-learn's histogram boosting on 100 directions (truncated SVD), for it takes no sparse columns, in place of "
    "LightGBM on the words themselves; one text in place of title and body."
)


def measure(data: Path | None, *, seeds: int) -> list[Report]:
    """Measures on the sets that a folder holds.

    Args:
        data: holds `faq/` with the tables and `stackexchange_dump/` with the dumps.
        seeds: how many splits of the duplicates.

    Returns:
        A table for each setting; the first one has every figure as data.

    Raises:
        BenchmarkError: no folder is named, or it holds none of the sets.
    """
    if data is None:
        raise BenchmarkError("The sets do not come with the benchmark: name their folder with --data.")
    if not data.is_dir():
        raise BenchmarkError(f"{data} is no folder: name one that holds faq/ or stackexchange_dump/.")
    # It loads the product's code and every library of training.
    from loadtest.in_process.faq_accuracy import measure as measured  # noqa: PLC0415

    return reports(measured(data.resolve(), seeds))


def reports(measured: Measured) -> list[Report]:
    """Put everything that was measured into tables."""
    tables = []
    if measured.unaided is not None:
        tables.append(_ranking(measured.unaided, [_ONE_RUN, "-: the method has nothing to learn from."]))
    if measured.halves is not None:
        seeds = max(len(trials) for trials in measured.halves.trials.values() if trials)
        drawn = _RERUNS.format(seeds) if seeds > 1 else _ONE_SPLIT
        tables.append(_ranking(measured.halves, [drawn, _REFERENCE]))
        if no_match := _no_match([measured.halves, *filter(None, [measured.kept_back])]):
            tables.append(no_match)
    tables += [_ranking(setting, [_ONE_RUN]) for setting in measured.dumps]
    tables[0].notes.extend(measured.left_out)
    tables[0].data["settings"] = [
        _figures(setting)
        for setting in (measured.unaided, measured.halves, measured.kept_back, *measured.dumps)
        if setting is not None
    ]
    return tables


def _figures(setting: Setting) -> dict[str, Any]:
    trials = {
        name: None if found is None else [asdict(each) for each in found] for name, found in setting.trials.items()
    }
    return {"name": setting.name, "questions": setting.questions, "originals": setting.originals, "trials": trials}


def _ranking(setting: Setting, notes: list[str]) -> Report:
    title = f"{setting.name}: {setting.questions:,} questions, {setting.originals:,} originals"
    return Report(title, _RANKING, [_ranking_row(*each) for each in setting.trials.items()], notes)


def _ranking_row(name: str, trials: Sequence[Trial] | None) -> list[str]:
    if trials is None:
        return [name, *["-"] * (len(_RANKING) - 1)]
    found = [trial.metrics for trial in trials]
    return [
        name,
        _accuracy(found),
        *(_mean([each.accuracy_at[k] for each in found]) for k in (2, 3, 10)),
        _spread([each.mean_rank for each in found]),
        _mean([each.mean_reciprocal_rank for each in found]),
        _spread([each.expected_calibration_error_of_questions for each in found]) if trials[0].is_probable else "-",
        _mean([trial.training_seconds for trial in trials], 1),
        _mean([trial.question_ms for trial in trials], 2),
    ]


def _accuracy(found: Sequence[Metrics]) -> str:
    if len(found) > 1:
        return _spread([each.accuracy_at[1] for each in found])
    low, high = found[0].accuracy_interval
    return f"{found[0].accuracy_at[1]:.3f} ({low:.3f}-{high:.3f})"


def _no_match(settings: Sequence[Setting]) -> Report | None:
    rows = [
        _no_match_row(name, source, [trial.with_strangers[source] for trial in trials])
        for setting in settings
        for name, trials in setting.trials.items()
        if trials
        for source in trials[0].with_strangers
    ]
    if not rows:
        return None
    note = (
        "Strangers are titles of another set, a fifth of all that is asked, or, hardest, the questions of a fifth of "
        "the originals, which were taken away before training. At the threshold that training chose for 0.9 of the "
        "answers to be right. Means (lowest-highest) over the splits."
    )
    return Report("StackFAQ, half of the duplicates, with questions that have no match", _NO_MATCH, rows, [note])


def _no_match_row(name: str, source: str, found: Sequence[Metrics]) -> list[str]:
    # Without a single rejection or answer there is no share of them.
    parts: list[Callable[[Metrics], float | None]] = [
        lambda each: each.no_match_recall,
        lambda each: each.no_match_precision,
        lambda each: each.coverage,
        lambda each: each.matched_precision,
        lambda each: each.expected_calibration_error,
    ]
    values = [[value for each in found if (value := part(each)) is not None] for part in parts]
    return [name, source, *(_spread(each) if each else "-" for each in values)]


def _mean(values: Sequence[float], digits: int = 3) -> str:
    return f"{statistics.mean(values):,.{digits}f}"


def _spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean; where values differ, the lowest and the highest."""
    low, high = f"{min(values):,.{digits}f}", f"{max(values):,.{digits}f}"
    return _mean(values, digits) if low == high else f"{_mean(values, digits)} ({low}-{high})"
