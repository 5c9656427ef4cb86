"""Whether the generator could do what was wanted; where it could not, figures are its own limits."""

from __future__ import annotations

from loadtest.generator.results import Measured, StepFigures

# Of a core: gevent runs on one thread, and what waits for it waits in every latency.
MOST_CPU = 0.9
# Of all requests of a step.
MOST_LATE = 0.01
LEAST_SENT = 0.99

# A request is late that goes out later than this, or than a tenth of the median latency if that is longer.
LATE_MS = 10.0
LATE_SHARE_OF_MEDIAN = 0.1

# A share of fewer requests than this says nothing.
_FEW = 100


def tolerance_ms(median_ms: float) -> float:
    """Return how late a request may be sent."""
    return max(LATE_MS, LATE_SHARE_OF_MEDIAN * median_ms)


def reasons_of(step: StepFigures) -> list[str]:
    """Say why a step could not be driven properly; nothing where it could."""
    found = [
        f"worker {number + 1} took {share:.0%} of a core (at most {MOST_CPU:.0%})"
        for number, share in enumerate(step.cpu)
        if share > MOST_CPU
    ]
    counts = step.counts
    if step.rate is None:
        return found
    if step.late_share > MOST_LATE and step.late_share * counts.sent > max(1, MOST_LATE * _FEW):
        found.append(
            f"{step.late_share:.1%} of the requests were sent more than {step.late_ms:.0f} ms late "
            f"(at most {MOST_LATE:.0%})"
        )
    if counts.sent < LEAST_SENT * counts.wanted and counts.wanted - counts.sent > 1:
        found.append(
            f"{counts.sent:,} of {counts.wanted:,} requests were sent, {counts.sent / counts.wanted:.1%} "
            f"(at least {LEAST_SENT:.0%})"
        )
    return found


def reasons_of_run(measured: Measured) -> list[str]:
    """Say why a run is invalid, in sentences."""
    found = list(measured.lost)
    for step in measured.counted:
        where = "With clients that wait" if step.rate is None else f"At {step.rate:g} requests/s"
        found += [f"{where}, {reason}." for reason in step.reasons]
    if not any(step.counts.sent for step in measured.counted) and not measured.stopped:
        found.append("Nothing was sent.")
    return found
