"""The metrics in words, the same for the terminal and for the page."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.faq_matcher.evaluation.report import EvaluationReport

UNKNOWN = "\N{EM DASH}"


@dataclass(frozen=True, slots=True)
class Line:
    """One metric.

    Attributes:
        name: what is measured.
        value: the figure.
        meaning: what it tells, in a few words.
    """

    name: str
    value: str
    meaning: str


def lines(report: EvaluationReport) -> list[Line]:
    """Every metric that was measured; those of strangers only where there were any."""
    return [*_rank_lines(report), *_threshold_lines(report)]


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal place."""
    return UNKNOWN if share is None else f"{share:.1%}"


def headline(report: EvaluationReport) -> str:
    """What was asked of what, in one sentence."""
    data = report.data
    strangers = f", and {_count(data.strangers, 'stranger')} with none of them" if data.strangers else ""
    return f"{_count(data.questions, 'question')} with one of {_count(data.originals, 'original')}{strangers}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _rank_lines(report: EvaluationReport) -> list[Line]:
    metrics = report.metrics
    low, high = metrics.accuracy_interval
    first, *others = metrics.accuracy_at.items()
    return [
        Line(
            f"Acc@{first[0]}", percent(first[1]), f"the best original is right (95% interval {low:.1%} to {high:.1%})"
        ),
        *(Line(f"Acc@{k}", percent(share), f"the right original is among the best {k}") for k, share in others),
        Line("Mean rank", f"{metrics.mean_rank:,.2f}", "of the right original; 1 is best"),
        Line("MRR", f"{metrics.mean_reciprocal_rank:.3f}", "mean of 1 / rank; 1 is best"),
        Line("ECE", f"{metrics.expected_calibration_error:.3f}", _ece_meaning(report)),
    ]


def _ece_meaning(report: EvaluationReport) -> str:
    meaning = "how far probabilities are from the share that is right; 0 is best"
    if report.data.strangers:
        meaning += f" (without strangers {report.metrics.expected_calibration_error_of_questions:.3f})"
    return meaning


def _threshold_lines(report: EvaluationReport) -> list[Line]:
    metrics, at = report.metrics, f"{report.threshold:.2f}"
    found = [
        Line("Coverage", percent(metrics.coverage), f"questions that get an answer at the threshold {at}"),
        Line(
            "Accuracy of answers",
            percent(metrics.matched_precision),
            "answers that are right; one to a stranger never is",
        ),
    ]
    if report.data.strangers:
        found += [
            Line("No match: precision", percent(metrics.no_match_precision), "strangers among what gets no answer"),
            Line("No match: recall", percent(metrics.no_match_recall), "strangers that get no answer"),
        ]
    return found
