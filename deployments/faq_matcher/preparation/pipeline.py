"""Preparing a FAQ from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deployments.destinations import staged
from deployments.errors import StartupError
from deployments.faq_matcher.preparation import output
from deployments.faq_matcher.preparation.intake import Intake
from deployments.faq_matcher.preparation.report import Report
from deployments.faq_matcher.preparation.selection import Selection
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.split import hold_out
from deployments.faq_matcher.preparation.store import Store, open_store
from deployments.faq_matcher.progress import Progress, no_progress

_STORE = "store.sqlite"


class Source(Protocol):
    """What a FAQ is made of."""

    def read(self, settings: PrepareSettings, store: Store, report: Report, progress: Progress) -> Intake:
        """Fills the store; raises StartupError where the source as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done.

    Attributes:
        report: counts at each step, and what was dropped.
        rows: of each file that was written.
    """

    report: Report
    rows: dict[str, int]


def prepare(
    source: Source,
    directory: Path,
    settings: PrepareSettings,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Prepared:
    """Reads a source, keeps what is asked for, and writes it whole or not at all.

    Memory stays below some hundred megabytes however large the source is; the disk needs room for the kept texts
    twice, and for some 50 bytes for each post of a dump.

    Args:
        source: what to read.
        directory: where to; new or empty unless `overwrite`.
        settings: what is kept.
        overwrite: replace prepared data that is there.
        progress: told of progress; of a dump, in bytes read.

    Raises:
        StartupError: the source cannot be read, nothing of it is left, or the directory holds something else.
        OSError: the directory cannot be written.
    """
    output.check_output(directory, overwrite=overwrite)
    report = Report()
    with staged(directory, replace=overwrite) as new:
        file = new / _STORE
        with open_store(file) as store:
            intake = source.read(settings, store, report, progress)
            progress("Comparing texts", 0, 0)
            Selection(settings, store, report, intake.origin).run()
            _check_left(report)
            hold_out(settings, store)
            rows = output.write(new, settings, store, report, progress)
        file.unlink()
    return Prepared(report, rows)


def _check_left(report: Report) -> None:
    if report.steps[-1].originals:
        return
    most = max(report.dropped.values(), key=lambda finding: finding.rows, default=None)
    why = f"; the most frequent reason, {most.rows:,} times: {most.examples[0]['said'].rstrip('.')}" if most else ""
    raise StartupError(f"{report.sources[-1].path} leaves no question to train from{why}.")
