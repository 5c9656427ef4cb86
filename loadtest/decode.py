"""How long it takes to prepare a photo on one core, and what scaled decoding changes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.payloads import photo_payloads, written
from loadtest.programs import answer_of
from loadtest.report import Report
from loadtest.spread import spread

_COLUMNS = ["Photos", "Median size", "KB", "p50 ms", "Least ms", "Decoded whole: p50 ms", "Least ms", "Whole / scaled"]

_FAILURE = "The photos cannot be prepared; what the program says stands above."

# One core is measured: no library may take more.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def measure(photos: Path | None, *, weights: str | None, seconds: float, rounds: int) -> Report:
    """Prepares photos as they are, and enlarged to 12 megapixels.

    Args:
        photos: directory of photos; None for a generated one.
        weights: state dict of mobilenet_v2, by path or URI, to classify with; None to measure time alone.
        seconds: length of each round, for each of both sizes.
        rounds: how often.

    Raises:
        BenchmarkError: there are no photos, or the program failed.
    """
    with TemporaryDirectory(prefix="loadtest-") as directory:
        files = written(photo_payloads(photos), Path(directory))
        shared = ["--seconds", str(seconds), "--rounds", str(rounds), "--photos", *files]
        more = ["--weights", weights] if weights else []
        found = answer_of("decode", *more, *shared, failure=_FAILURE, environment=_ONE_THREAD)
    return report(found)


def report(found: dict[str, Any]) -> Report:
    """Put what the program found into a table."""
    rows = [_row(name, size) for name, size in found["sizes"].items()]
    notes = ["One core; both ways in turns. p50: the median of the rounds (lowest-highest)."]
    return Report("Preparing a photo", _COLUMNS, rows, notes + _classes(found.get("classes")), found)


def _row(name: str, size: dict[str, Any]) -> list[str]:
    scaled, whole = (spread(size[way]["p50"]) for way in ("scaled", "whole"))
    return [
        name,
        f"{size['width']:,.0f} x {size['height']:,.0f}",
        f"{size['bytes'] / 1e3:,.0f}",
        scaled.text(),
        f"{min(size['scaled']['least']):.1f}",
        whole.text(),
        f"{min(size['whole']['least']):.1f}",
        f"{whole.median / scaled.median:.1f}",
    ]


def _classes(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    ties = f" and for {found['ties']} has two less than 0.001 apart" if found["ties"] else ""
    scaled = (
        f"Scaled decoding of {found['photos']} photos of 12 megapixels: pixels differ by {found['pixels']:.2f} of 255 "
        f"on average, {found['pixels_most']:.0f} at most. mobilenet_v2 names the same class for {found['agree']:.0f}"
        f"{ties}; a probability differs by {found['largest']:.3f} at most, the largest of a photo by "
        f"{found['largest_mean']:.4f} on average."
    )
    noise = (
        f"With each pixel moved by -1, 0 or 1 at random: the same class for {found['noise_agree']:.0f}; "
        f"{found['noise_largest']:.3f} at most, {found['noise_largest_mean']:.4f} on average."
    )
    return [scaled, noise]
