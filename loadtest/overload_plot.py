"""A picture of an overload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from loadtest.errors import BenchmarkError
from loadtest.open_loop import Timed
from loadtest.overload_figures import Overload, answered, percentile, refused


def draw(found: Overload, file: Path) -> None:
    """Draw answers, refusals and memory over time.

    Raises:
        BenchmarkError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who wants a picture needs it
    except ImportError:
        raise BenchmarkError("--plot needs matplotlib; install ray-scoring[faq-training].") from None

    zero = min(found.in_overload).due
    figure = Figure(figsize=(9, 6), layout="constrained")
    times, sizes = figure.subplots(2, 1, sharex=True)
    every = [*found.at_capacity, *found.in_overload, *found.after]
    for name, seconds in (
        ("answers, p99", {at: percentile(each, 0.99) for at, each in _by_second(answered(every), zero).items()}),
        ("refusals, median", {at: _median_ms(each) for at, each in _by_second(refused(every), zero).items()}),
        ("health checks, slowest", {at: percentile(each, 1) for at, each in _by_second(found.health, zero).items()}),
    ):
        times.plot(list(seconds), list(seconds.values()), label=name)
    times.set_ylabel("ms")
    times.set_yscale("log")
    times.legend()
    sizes.plot([at - zero for at in found.memory.at], found.memory.total)
    sizes.set_ylim(bottom=0)
    sizes.set_ylabel("resident memory, MiB")
    sizes.set_xlabel("seconds since the overload began")
    for axes in (times, sizes):
        axes.axvspan(0, max(each.due for each in found.in_overload) - zero, alpha=0.1)
    try:
        figure.savefig(file)
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{file} cannot be written: {error}.") from None


def _by_second(requests: Sequence[Timed], zero: float) -> dict[int, list[Timed]]:
    found: dict[int, list[Timed]] = defaultdict(list)
    for each in requests:
        found[int(each.due - zero)].append(each)
    return dict(sorted(found.items()))


def _median_ms(requests: Sequence[Timed]) -> float:
    return median(each.seconds for each in requests) * 1e3
