"""Matplotlib's drawings as SVG that takes its colours and its font from the page around it."""

from __future__ import annotations

import io
import re
from typing import Any

from matplotlib.figure import Figure

# Stand-ins that Matplotlib draws with; the page's custom properties take their places, so that a plot follows the
# page into dark mode.
INK = "#1f2328"
FAINT = "#d1d9e0"
COLORS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#57606a", "#0a7ea4")
_PROPERTIES = {INK: "--ink", FAINT: "--faint", **{color: f"--c{number}" for number, color in enumerate(COLORS)}}

SIZE = (5.2, 3.1)

STYLE: dict[Any, Any] = {
    "font.size": 9,
    # Text stays text: it can be selected, and the page's font draws it. What users name may hold a dollar sign.
    "svg.fonttype": "none",
    "svg.hashsalt": "ray-scoring",
    "text.parse_math": False,
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


def svg(figure: Figure, name: str) -> str:
    """Return the svg element alone: ids of its own among several plots, colours and font of the page, no fixed size."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    document = buffer.getvalue()
    text = document[document.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", text)
    text = re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    # Its rule would hold for the whole page.
    text = re.sub(r"<defs>\s*<style.*?</defs>", "", text, count=1, flags=re.DOTALL)
    for color, variable in _PROPERTIES.items():
        text = text.replace(color, f"var({variable}, {color})")
    return text
