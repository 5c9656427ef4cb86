"""What `scoring image convert` prints: what the conversion changed, and how to serve the result."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from deployments.image_classifier.engines.choice import NAMES
from serve_app.config_lines import show_saved
from serve_app.image.conversion import Report, Wanted

MEGABYTE = 1e6


def show(report: Report, wanted: Wanted) -> None:
    """Print the table, and the lines for the config file."""
    found = report.comparison
    accuracy = found.accuracy or (None, None)
    table = Table("", f"{NAMES[report.origin]} fp32", f"{wanted.kind} {report.precision}")
    table.add_row("Size", f"{report.origin_size / MEGABYTE:,.1f} MB", f"{report.size / MEGABYTE:,.1f} MB")
    table.add_row("One image", f"{report.origin_latency_ms:.1f} ms", f"{report.latency_ms:.1f} ms")
    table.add_row("Same class", "", f"{found.agreement:.1%}")
    table.add_row("Largest difference", "", f"{found.difference:.3g}")
    if accuracy[0] is not None:
        table.add_row("Accuracy", f"{accuracy[1]:.1%}", f"{accuracy[0]:.1%}")
    Console(highlight=False).print(table)
    kind = "photos" if wanted.photos else "calibration images" if report.on_photos else "images of noise"
    typer.echo(f"Compared on {found.images} {kind}; the CPU only.")
    show_saved(wanted.output, "image_classifier", "image")
