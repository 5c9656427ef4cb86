"""A picture of a step of load: rate, replicas and p99 over time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.scale.autoscale_figures import Step, replicas_over_time, target_of, windows


def draw(step: Step, file: Path, *, target_ms: float | None) -> None:
    """Draw a step.

    Raises:
        BenchmarkError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who wants a picture needs it
    except ImportError:
        raise BenchmarkError("--plot needs matplotlib; install ray-scoring[loadtest].") from None

    zero = step.begun
    begin, end = min(step.requests).due, max(each.due for each in step.requests)
    figure = Figure(figsize=(9, 7), layout="constrained")
    rates, replicas, latencies = figure.subplots(3, 1, sharex=True)
    # The last second is not a whole one.
    sent = Counter(int(each.due - begin) for each in step.requests if each.due < end - (end - begin) % 1)
    rates.step([begin - zero + second for second in sorted(sent)], [sent[each] for each in sorted(sent)], where="post")
    rates.set_ylabel("requests/s")
    changes = [(begin, 1, 1), *replicas_over_time(step.events)]
    changes.append((end, *changes[-1][1:]))
    times = [time - zero for time, _, _ in changes]
    replicas.step(times, [wanted for _, wanted, _ in changes], where="post", label="wanted", linestyle="--")
    replicas.step(times, [running for _, _, running in changes], where="post", label="running")
    replicas.set_ylabel("replicas")
    replicas.set_ylim(bottom=0)
    replicas.legend()
    found = windows(step.requests, begin + 1, end)
    latencies.plot([each.ended - zero for each in found], [each.p99_ms for each in found], label="p99 of a second")
    latencies.axhline(target_of(step, target_ms), linestyle="--", color="gray", label="target")
    latencies.set_yscale("log")
    latencies.set_ylabel("ms")
    latencies.set_xlabel("seconds since the step")
    latencies.legend()
    for axes in (rates, replicas, latencies):
        axes.axvspan(0, step.ended - zero, alpha=0.1)
    try:
        figure.savefig(file)
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{file} cannot be written: {error}.") from None
