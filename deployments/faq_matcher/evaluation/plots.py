"""Plots as SVG that takes its colours and its font from the page around it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from deployments.faq_matcher.evaluation.acceptance import CurvePoint
from deployments.faq_matcher.evaluation.metrics import wilson_interval
from deployments.faq_matcher.evaluation.ranks import RankBar
from deployments.faq_matcher.evaluation.reliability import CalibrationBin

# Stand-ins that Matplotlib draws with; the page's custom properties take their places, so that a plot follows the
# page into dark mode. The stand-ins themselves are what a viewer without these properties shows.
INK = "#1f2328"
FAINT = "#d1d9e0"
FIRST = "#0969da"
SECOND = "#bc4c00"
_PROPERTIES = {INK: "--ink", FAINT: "--faint", FIRST: "--first", SECOND: "--second"}

# Small, so that labels stay legible where the plot is as wide as a phone.
_SIZE = (4.3, 3.1)

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    # Text stays text: it can be selected, and the page's font draws it.
    "svg.fonttype": "none",
    "svg.hashsalt": "ray-scoring",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def rank_plot(bars: Sequence[RankBar]) -> str:
    """Bars of how many questions rank their original where."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        drawn = axes.bar([bar.label for bar in bars], [bar.count for bar in bars], color=FIRST)
        axes.bar_label(drawn, [f"{bar.count:,}" for bar in bars], padding=2, color=INK, fontsize=8)
        axes.grid(visible=False, axis="x")
        axes.margins(y=0.12)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set(xlabel="Rank of the right original", ylabel="Questions")
        if len(bars) > 7:  # noqa: PLR2004 - what fits side by side
            for label in axes.get_xticklabels():
                label.set(rotation=35, horizontalalignment="right", rotation_mode="anchor")
        return _svg(figure, "ranks")


def reliability_plot(bins: Sequence[CalibrationBin]) -> str:
    """Share right over stated probability with 95 % intervals, above the number of questions in each bin."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)), label="perfect")
        _draw_accuracies(upper, bins)
        upper.set(ylabel="Share right", ylim=(0, 1.02), xlim=(0, 1))
        upper.yaxis.set_major_formatter(PercentFormatter(1))
        lower.bar(
            [each.low for each in bins],
            [each.count for each in bins],
            width=[(each.high - each.low) * 0.9 for each in bins],
            align="edge",
            color=FIRST,
        )
        figure.legend(loc="outside upper left", ncols=2)
        lower.grid(visible=False, axis="x")
        lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        lower.set(xlabel="Probability of the best original", ylabel="Questions")
        lower.xaxis.set_major_formatter(PercentFormatter(1))
        return _svg(figure, "reliability")


def precision_recall_plot(
    matched: Sequence[CurvePoint], no_match: Sequence[CurvePoint], chosen: Sequence[CurvePoint]
) -> str:
    """Precision over recall at every threshold.

    Args:
        matched: of the answers.
        no_match: of `no match`; may be empty.
        chosen: where the model's own threshold lies, on either curve.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        _draw_curve(axes, matched, FIRST, "-", "answers")
        _draw_curve(axes, no_match, SECOND, (0, (5, 2)), "no match")
        axes.plot(
            [point.recall for point in chosen],
            [point.precision for point in chosen],
            linestyle="none",
            marker="o",
            markersize=6,
            color=INK,
            label=f"threshold {chosen[0].threshold:.2f}" if chosen else None,
            clip_on=False,
        )
        axes.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        figure.legend(loc="outside upper left", ncols=3)
        return _svg(figure, "precision-recall")


def _draw_accuracies(axes: Axes, bins: Sequence[CalibrationBin]) -> None:
    points = [(each.confidence, each.accuracy, each.count) for each in bins if each.accuracy is not None]
    confidences, accuracies, counts = zip(*points, strict=True)
    bounds = [wilson_interval(round(share * count), count) for share, count in zip(accuracies, counts, strict=True)]
    reach = [
        [max(0.0, share - low) for share, (low, _) in zip(accuracies, bounds, strict=True)],
        [max(0.0, high - share) for share, (_, high) in zip(accuracies, bounds, strict=True)],
    ]
    axes.errorbar(
        confidences, accuracies, yerr=reach, color=FIRST, marker="o", markersize=4, linewidth=1.2, elinewidth=0.8,
        label="the model", clip_on=False,
    )  # fmt: skip


def _draw_curve(
    axes: Axes, points: Sequence[CurvePoint], color: str, style: str | tuple[int, tuple[int, int]], label: str
) -> None:
    if points:
        recalls, precisions = [point.recall for point in points], [point.precision for point in points]
        axes.plot(recalls, precisions, color=color, linestyle=style, linewidth=1.6, label=label, clip_on=False)


def _svg(figure: Figure, name: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _for_a_page(buffer.getvalue(), name)


def _for_a_page(document: str, name: str) -> str:
    """The svg element alone: ids of its own among several plots, colours and font of the page, no fixed size."""
    svg = document[document.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", svg)
    svg = re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", svg)
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)
    # Its rule would hold for the whole page.
    svg = re.sub(r"<defs>\s*<style.*?</defs>", "", svg, count=1, flags=re.DOTALL)
    for color, variable in _PROPERTIES.items():
        svg = svg.replace(color, f"var({variable}, {color})")
    return svg
