"""A run as a table for the terminal."""

from __future__ import annotations

from loadtest.generator.results import Results, StepFigures
from loadtest.report import Report

_COLUMNS = ["Wanted", "Sent/s", "Answered/s", "p50 ms", "p90 ms", "p99 ms", "Max ms", "Errors", "Late", "CPU"]


def summary(results: Results) -> Report:
    """Put a run into a table: its steps, and its scenarios where there are several."""
    steps = results.measured.counted
    report = Report(results.title, _COLUMNS, [_row(step) for step in steps])
    if len(results.measured.groups) > 1:
        for group in results.measured.groups:
            times, counts = group.times, group.counts
            figures = [f"{each:,.1f}" for each in (times.p50_ms, times.p90_ms, times.p99_ms, times.max_ms)]
            sent = [f"{counts.sent:,} sent", f"{counts.ok + counts.expected:,}"]
            report.rows.append([group.name, *sent, *figures, f"{counts.failed:,}", "", ""])
    kinds = [
        f"{group.name}: {kind} {count:,}"
        for group in results.measured.groups
        for kind, count in group.counts.errors.items()
    ]
    if kinds:
        report.notes.append(f"Errors: {'; '.join(kinds)}.")
    report.notes.extend(results.notes)
    if results.reasons:
        report.notes.append("INVALID: the generator could not do what was wanted.")
        report.notes.extend(results.reasons)
    return report


def _row(step: StepFigures) -> list[str]:
    times = step.times
    figures = [f"{each:,.1f}" for each in (times.p50_ms, times.p90_ms, times.p99_ms, times.max_ms)]
    wanted = "clients" if step.rate is None else f"{step.rate:g}/s"
    rates = [f"{step.sent_per_second:,.1f}", f"{step.answered_per_second:,.1f}"]
    busiest = f"{max(step.cpu, default=0.0):.0%}"
    return [wanted, *rates, *figures, f"{step.counts.failed:,}", f"{step.late_share:.2%}", busiest]
