"""What was measured of engines, and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.image_variants import REFERENCE, Network
from loadtest.report import Report
from loadtest.spread import spread

_COLUMNS = [
    "Engine", "First start s", "Start s", "p50 ms", "Images/s", "at a batch of", "Times as fast at 1", "at its best",
    "MiB ready", "MiB peak", "MiB after",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """How an engine starts, from the command to a classified image.

    Attributes:
        first: seconds with an empty cache; None where the files are made beforehand.
        seconds: with what the first left in the cache, for each start.
        resident_mib: then.
        facts: what the engine says of itself.
        quantization: seconds of making the files beforehand; None where there are none.
    """

    first: float | None
    seconds: list[float]
    resident_mib: float
    facts: dict[str, Any]
    quantization: float | None = None


@dataclass(slots=True)
class Measured:
    """One engine.

    Attributes:
        name: for the table.
        start: how it starts.
        rounds: what `loadtest.in_process.image` measured, for each batch size one of each round.
        memory: after the rounds, what it has and the most that it had.
    """

    name: str
    start: Start
    rounds: dict[int, list[dict[str, float]]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)

    def p50_ms(self) -> list[float]:
        """Of one image, for each round."""
        return [each["p50_ms"] for each in self.rounds[1]]

    def rates(self, size: int) -> list[float]:
        """Images per second in batches of a size, for each round."""
        return [each["images_per_second"] for each in self.rounds[size]]

    def best_size(self) -> int:
        """The batch size with the most images per second, by the medians; of equals the smallest."""
        return max(sorted(self.rounds), key=lambda size: spread(self.rates(size)).median)


def report(found: Sequence[Measured], left_out: Mapping[str, str], network: Network, *, photos: int = 0) -> Report:
    """Put engines into a table."""
    reference = next((each for each in found if each.name == REFERENCE.name), None)
    count = len(found[0].p50_ms())
    sizes = ", ".join(f"{size}" for size in found[0].rounds)
    calibrated = f"{photos} photos" if photos else "noise"
    quantized = [each for each in found if each.start.quantization is not None]
    weights = "; random weights" if network.untrained else ""
    threads = found[0].start.facts.get("threads", "?")
    return Report(
        f"Engines: {network.architecture} on {found[0].start.facts.get('device', '?')}",
        _COLUMNS,
        [_row(each, reference) for each in found],
        [
            (
                f"Median of {count} rounds (lowest-highest), all engines in each, batches of {sizes}; {threads} "
                f"threads{weights}. Ready: a process that has just started, with the default for the largest batch; "
                "peak and after: one that has run the batches named here."
            ),
            *(
                f"{each.name}: quantized beforehand in {each.start.quantization:.0f} s, with {calibrated}."
                for each in quantized
            ),
            *(f"{name} is left out. {why}" for name, why in left_out.items()),
        ],
        {
            "engines": [asdict(each) for each in found],
            "left_out": dict(left_out),
            "network": network.architecture,
            "untrained": network.untrained,
        },
    )


def _row(each: Measured, reference: Measured | None) -> list[str]:
    best = each.best_size()
    return [
        each.name,
        "-" if each.start.first is None else f"{each.start.first:.1f}",
        spread(each.start.seconds).text(),
        spread(each.p50_ms()).text(),
        spread(each.rates(best)).text(),
        str(best),
        *_times(each, reference),
        f"{each.start.resident_mib:,.0f}",
        f"{each.memory['peak_mib']:,.0f}",
        f"{each.memory['resident_mib']:,.0f}",
    ]


def _times(each: Measured, reference: Measured | None) -> list[str]:
    """How many times as fast as the reference, round by round: alone, and each in its own best batch."""
    if reference is None:
        return ["-", "-"]
    alone = spread([theirs / own for own, theirs in zip(each.p50_ms(), reference.p50_ms(), strict=True)])
    pairs = zip(each.rates(each.best_size()), reference.rates(reference.best_size()), strict=True)
    return [alone.text(2), spread([own / theirs for own, theirs in pairs]).text(2)]
