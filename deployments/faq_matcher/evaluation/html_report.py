"""An evaluation as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from deployments.faq_matcher.data import Id
from deployments.faq_matcher.evaluation import plots
from deployments.faq_matcher.evaluation.acceptance import CurvePoint
from deployments.faq_matcher.evaluation.report import AskedQuestion, EvaluationReport
from deployments.faq_matcher.evaluation.summary import headline, lines, percent

# A page that a phone still scrolls; JSON has them all.
MOST_ORIGINALS = 300
MOST_EXAMPLES = 20
MOST_OTHERS = 10

_TILES = ("Acc@1", "MRR", "ECE", "Coverage", "No match: precision", "No match: recall")

_ENVIRONMENT = Environment(
    loader=PackageLoader("deployments.faq_matcher.evaluation", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot and what it shows, for those who do not see it.

    Attributes:
        name: identifier in the page.
        title: what is drawn.
        svg: the drawing.
        description: what it shows, in words.
        columns: headings of the figures behind it.
        rows: the figures.
    """

    name: str
    title: str
    svg: Markup
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def render(report: EvaluationReport) -> str:
    """The page; whatever texts the report holds, they show as texts."""
    shown = report.confused[:MOST_ORIGINALS]
    examples = _examples(report)
    return _ENVIRONMENT.get_template("report.html.jinja").render(
        report=report,
        headline=headline(report),
        lines=lines(report),
        plots=[_rank_plot(report), _reliability_plot(report), _precision_recall_plot(report)],
        originals=[(original, examples[original.id][:MOST_EXAMPLES]) for original in shown],
        left_out=len(report.confused) - len(shown),
        most_others=MOST_OTHERS,
        tiles=_TILES,
        percent=percent,
    )


def _rank_plot(report: EvaluationReport) -> Plot:
    metrics = report.metrics
    return Plot(
        "ranks",
        "Rank of the right original",
        _safe(plots.rank_plot(report.ranks)),
        f"{percent(metrics.accuracy_at[1])} of {metrics.questions:,} questions rank their original first, "
        f"{percent(metrics.accuracy_at[10])} among the first ten.",
        ("Rank", "Questions"),
        tuple((bar.label, f"{bar.count:,}") for bar in report.ranks),
    )


def _reliability_plot(report: EvaluationReport) -> Plot:
    error = report.metrics.expected_calibration_error
    return Plot(
        "reliability",
        "Reliability of probabilities",
        _safe(plots.reliability_plot(report.calibration)),
        f"On average the stated probability is {error:.3f} away from the share that is right. Above the diagonal the "
        "model is better than it says, below it is too sure. Bars: 95% intervals.",
        ("Probability", "Questions", "Mean probability", "Share right"),
        tuple(
            (
                f"{each.low:.0%}\N{EN DASH}{each.high:.0%}",
                f"{each.count:,}",
                percent(each.confidence),
                percent(each.accuracy),
            )
            for each in report.calibration
        ),
    )


def _precision_recall_plot(report: EvaluationReport) -> Plot:
    chosen = [*_chosen_of_answers(report), *_chosen_of_no_match(report)]
    stated = [
        f"{name} have precision {percent(point.precision)} and recall {percent(point.recall)}" for name, point in chosen
    ]
    return Plot(
        "precision-recall",
        "Precision and recall",
        _safe(plots.precision_recall_plot(report.matched_curve, report.no_match_curve, [point for _, point in chosen])),
        f"The lines pass through every threshold. At {report.threshold:.2f} " + ", ".join(stated) + ".",
        ("Threshold", "Precision of answers", "Recall of answers"),
        tuple(
            (f"{point.threshold:.3f}", percent(point.precision), percent(point.recall))
            for point in _spread(report.matched_curve)
        ),
    )


def _chosen_of_answers(report: EvaluationReport) -> list[tuple[str, CurvePoint]]:
    metrics = report.metrics
    if metrics.matched_precision is None:
        return []
    return [("answers", CurvePoint(report.threshold, metrics.matched_precision, metrics.matched_recall))]


def _chosen_of_no_match(report: EvaluationReport) -> list[tuple[str, CurvePoint]]:
    precision, recall = report.metrics.no_match_precision, report.metrics.no_match_recall
    if precision is None or recall is None:
        return []
    return [("verdicts of no match", CurvePoint(report.threshold, precision, recall))]


def _spread(points: Sequence[CurvePoint], most: int = 12) -> list[CurvePoint]:
    step = -(-len(points) // most)
    return list(points[::step])


def _safe(svg: str) -> Markup:
    # Made by plots.py from numbers alone, never from texts of the report.
    return Markup(svg)  # noqa: S704


def _examples(report: EvaluationReport) -> dict[Id, list[AskedQuestion]]:
    """By original: its questions that another one is best for, and strangers that are matched with it."""
    examples: dict[Id, list[AskedQuestion]] = {}
    for question in report.questions:
        if question.rank is None and question.matched:
            examples.setdefault(question.best[0].id, []).append(question)
        elif question.rank is not None and question.rank > 1 and question.original is not None:
            examples.setdefault(question.original, []).append(question)
    return examples
