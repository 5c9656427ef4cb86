"""Plots of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from loadtest.generator.results import Results, Row, Sample, StepFigures
from loadtest.generator.svg import COLORS, INK, SIZE, STYLE, svg

# Kinds of processes that are drawn apart; the smaller ones are summed up.
MOST_KINDS = 7
MOST_SCENARIOS = 8
MOST_POINTS = 900

Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, and what it shows for those who do not see it."""

    title: str
    svg: str
    description: str


def plots_of(results: Results) -> list[Plot]:
    """Draw all that a run has figures for."""
    rows = results.measured.rows
    found = [_rate_against_latency(results.measured.counted), _rates(rows)]
    found += [_latency(rows, name) for name in ["", *_scenarios(results)]]
    found += [_errors(rows), _lag(rows), *_server(results)]
    return [plot for plot in found if plot is not None]


def lines_plot(
    title: str, lines: Lines, *, y_label: str, description: str, log: bool = False, step: bool = False
) -> Plot:
    """Draw lines over time."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        for (name, (at, values)), color in zip(lines.items(), COLORS * 4, strict=False):
            style = "steps-post" if step else "default"
            thin = max(1, len(at) // MOST_POINTS)
            axes.plot(at[::thin], values[::thin], label=name, color=color, linewidth=1.2, drawstyle=style)
        if log:
            _logarithmic(axes)
        else:
            axes.set_ylim(bottom=0)
        axes.set(xlabel="Seconds since the start", ylabel=y_label)
        _legend(figure, axes)
        return Plot(title, svg(figure, _identifier(title)), description)


def points_plot(title: str, points: Sequence[tuple[float, float, bool]], *, limit: float, best: float) -> str:
    """Draw p99 over the rate of a search.

    Args:
        title: of the drawing.
        points: rate, p99 in ms, and whether the point counts.
        limit: p99 that is wanted, in ms.
        best: the rate that was found; 0 for none.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        for is_valid, label, marker in ((True, "measured", "o"), (False, "not to be trusted", "x")):
            some = [(rate, p99) for rate, p99, valid in points if valid is is_valid and p99 > 0]
            if some:
                color = COLORS[0] if is_valid else COLORS[1]
                axes.plot(*zip(*some, strict=True), marker=marker, linestyle="none", color=color, label=label)
        axes.axhline(limit, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), label=f"p99 wanted: {limit:g} ms")
        if best:
            axes.axvline(best, color=COLORS[2], linewidth=0.8, label=f"capacity: {best:,.1f}/s")
        axes.set(xlabel="Requests per second", ylabel="p99, ms", xscale="log", title=title)
        _logarithmic(axes)
        _plain_numbers(axes.xaxis)
        _legend(figure, axes)
        return svg(figure, "capacity")


def _rate_against_latency(steps: Sequence[StepFigures]) -> Plot | None:
    found = [(step.rate, step) for step in steps if step.rate is not None and step.times.count]
    some = sorted(found, key=lambda pair: pair[0])
    if len({rate for rate, _ in some}) < 2:  # noqa: PLR2004 - one rate is no curve
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        rates = [rate for rate, _ in some]
        for name, color in zip(("p50", "p90", "p99"), COLORS, strict=False):
            values = [getattr(step.times, f"{name}_ms") for _, step in some]
            axes.plot(rates, values, label=name, color=color, marker="o", markersize=3, linewidth=1.2)
        wrong = [(rate, step.times.p99_ms) for rate, step in some if step.reasons]
        if wrong:
            axes.plot(*zip(*wrong, strict=True), marker="x", markersize=8, linestyle="none", color=INK, label="invalid")
        _logarithmic(axes)
        axes.set(xlabel="Requests per second", ylabel="ms")
        _legend(figure, axes)
        text = "Latency of the requests of each step, from when they were due."
        return Plot("Rate against latency", svg(figure, "steps"), text)


def _rates(rows: Sequence[Row]) -> Plot:
    whole = [row for row in rows if not row.group]
    every = _interval(whole)
    lines = {
        name: ([row.at for row in whole], [getattr(row, name) / every for row in whole])
        for name in ("wanted", "sent", "answered")
    }
    return lines_plot(
        "Requests per second", lines, y_label="per second", step=True,
        description="Requests that were due and sent, and answers when they came.",
    )  # fmt: skip


def _latency(rows: Sequence[Row], group: str) -> Plot | None:
    some = [row for row in rows if row.group == group and row.max_ms]
    if not some:
        return None
    at = [row.at for row in some]
    lines = {name: (at, [getattr(row, f"{name}_ms") for row in some]) for name in ("p50", "p90", "p99", "max")}
    return lines_plot(
        f"Latency of {group}" if group else "Latency", lines, y_label="ms", log=True,
        description="Of the requests that were due in each interval and were answered, from when they were due.",
    )  # fmt: skip


def _errors(rows: Sequence[Row]) -> Plot | None:
    whole = [row for row in rows if not row.group]
    kinds = sorted({kind for row in whole for kind in row.errors})
    if not kinds:
        return None
    every, at = _interval(whole), [row.at for row in whole]
    lines = {kind: (at, [row.errors.get(kind, 0) / every for row in whole]) for kind in kinds}
    return lines_plot(
        "Errors by kind", lines, y_label="per second", step=True,
        description="By the time at which the requests were due; bad requests that were refused are no errors.",
    )  # fmt: skip


def _lag(rows: Sequence[Row]) -> Plot:
    whole = [row for row in rows if not row.group and row.sent]
    lines = {"latest send": ([row.at for row in whole], [row.lag_ms for row in whole])}
    return lines_plot(
        "The generator's own delay", lines, y_label="ms",
        description="The longest time between when a request was due and when it was sent.",
    )  # fmt: skip


def _server(results: Results) -> list[Plot | None]:
    samples, server = results.server.samples, results.server
    metrics = [(each.at, each.replicas) for each in server.metrics]
    own = [(each.at, each.replicas) for each in samples]
    source, where = (metrics, "Ray's metrics") if metrics else (own, "processes")
    total = {"all of the machine": ([s.at for s in samples], [s.machine * 100 for s in samples])} if samples else {}
    return [
        _kinds("Replicas", source, "replicas", f"Of each deployment, as {where} count them.", step=True),
        _kinds("CPU of the server", [(s.at, s.cpu) for s in samples if s.cpu], "cores", "By kind of process."),
        _kinds("Memory of the server", _with_memory(samples), "MiB", "Proportional set size (PSS) by kind of process."),
        _kinds("Open handles", [(s.at, s.handles) for s in samples], "handles", "Open files and sockets by kind."),
        _kinds("Threads", [(s.at, s.threads) for s in samples], "threads", "By kind of process."),
        lines_plot("CPU of the machine", total, y_label="%", description="Everything on the machine that was watched.")
        if total
        else None,
    ]


def _with_memory(samples: Sequence[Sample]) -> list[tuple[float, dict[str, float]]]:
    return [(sample.at, sample.memory) for sample in samples if sample.memory]


def _kinds(
    title: str,
    points: Sequence[tuple[float, Mapping[str, float]]],
    y_label: str,
    description: str,
    *,
    step: bool = False,
) -> Plot | None:
    """Draw the largest kinds, the rest summed up, and where that is more than one kind, the sum of all."""
    peaks: dict[str, float] = {}
    for _, values in points:
        for kind, value in values.items():
            peaks[kind] = max(value, peaks.get(kind, 0.0))
    if not peaks:
        return None
    largest = sorted(peaks, key=lambda kind: -peaks[kind])[:MOST_KINDS]
    at = [when for when, _ in points]
    lines = {kind: (at, [float(values.get(kind, 0)) for _, values in points]) for kind in largest}
    if len(peaks) > len(largest):
        rest = [float(sum(value for kind, value in values.items() if kind not in largest)) for _, values in points]
        lines["others"] = (at, rest)
    if len(peaks) > 1 and not step:
        lines["all"] = (at, [float(sum(values.values())) for _, values in points])
    return lines_plot(title, lines, y_label=y_label, description=description, step=step)


def _scenarios(results: Results) -> list[str]:
    names = [group.name for group in results.measured.groups]
    return names[:MOST_SCENARIOS] if len(names) > 1 else []


def _interval(rows: Sequence[Row]) -> float:
    return max(rows[1].at - rows[0].at, 1e-9) if len(rows) > 1 else 1.0


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    _plain_numbers(axes.yaxis)


def _plain_numbers(axis: Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, axes: Axes) -> None:
    names = [str(each) for each in axes.get_legend_handles_labels()[1]]
    if names:
        longest = max(map(len, names))
        figure.legend(loc="outside upper left", ncols=max(1, min(4, 70 // (longest + 8))))


def _identifier(title: str) -> str:
    return "".join(character if character.isalnum() and character.isascii() else "-" for character in title.lower())
