"""A run as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loadtest.generator.plots import plots_of
from loadtest.generator.results import Results
from loadtest.generator.validity import LEAST_SENT, MOST_CPU, MOST_LATE

_ENVIRONMENT = Environment(
    loader=PackageLoader("loadtest.generator", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(results: Results) -> str:
    """Return the page; whatever texts the results hold, they show as texts."""
    return _ENVIRONMENT.get_template("report.html.jinja").render(
        results=results,
        measured=results.measured,
        steps=results.measured.counted,
        plots=[(plot, Markup(plot.svg)) for plot in plots_of(results)],  # noqa: S704 - Matplotlib escapes what is named
        tiles=tiles(results),
        limits={"cpu": f"{MOST_CPU:.0%}", "late": f"{MOST_LATE:.0%}", "sent": f"{LEAST_SENT:.0%}"},
    )


def tiles(results: Results) -> list[tuple[str, str]]:
    """Return the figures that a reader looks for first."""
    steps = results.measured.counted
    seconds = sum(step.seconds for step in steps)
    sent = sum(step.counts.sent for step in steps)
    answered = sum(step.counts.ok + step.counts.expected for step in steps)
    failed = sum(step.counts.failed for step in steps)
    found = [
        ("Requests", f"{sent:,}"),
        ("Answered per second", f"{answered / seconds:,.1f}" if seconds else "0"),
        ("Errors", f"{failed:,} ({failed / sent:.2%})" if sent else "0"),
    ]
    if len(steps) == 1:
        times = steps[0].times
        found += [("p50", f"{times.p50_ms:,.1f} ms"), ("p99", f"{times.p99_ms:,.1f} ms")]
    return found
