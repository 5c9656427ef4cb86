"""From the command to a service that answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from loadtest.configs import Config
from loadtest.errors import BenchmarkError
from loadtest.report import Report
from loadtest.service import READY, scoring_serve, serving
from loadtest.spread import spread

SCRIPT = Path(__file__).parents[1] / "scripts" / "serve"

_CLOCK = re.compile(r"^\d+\.\d s\s+")


def default_command() -> list[str]:
    """Return `scripts/serve` in a checkout, `scoring serve` elsewhere."""
    return [str(SCRIPT)] if SCRIPT.exists() else scoring_serve()


def measure(config: Config, *, command: Sequence[str], rounds: int) -> Report:
    """Start and stop the service some times.

    Args:
        config: the service's.
        command: starts it.
        rounds: how many times.

    Raises:
        BenchmarkError: the service failed.
    """
    milestones = []
    for _ in range(rounds):
        with serving(config, command=command) as service:
            milestones.append(until_ready(service.lines))
    return report(Path(command[0]).name, milestones)


def until_ready(lines: list[tuple[float, str]]) -> dict[str, float]:
    """Return when each line of progress came, in seconds; the last is the one that says that the service is ready.

    Raises:
        BenchmarkError: there is none that says so.
    """
    seconds: dict[str, float] = {}
    for passed, line in lines:
        if line.startswith(READY):
            return {**seconds, "Ready": passed}
        seconds.setdefault(_CLOCK.sub("", line), passed)
    raise BenchmarkError("The service did not become ready.")


def report(command: str, rounds: list[dict[str, float]]) -> Report:
    """Put the milestones that all rounds have into a table."""
    common = [name for name in rounds[0] if all(name in each for each in rounds)]
    return Report(
        f"From the command ({command}) to a service that answers",
        ["Until", "Seconds"],
        [[name, spread([each[name] for each in rounds]).text()] for name in common],
        [f"Median of {len(rounds)} starts (lowest-highest), packages and models cached."],
        {"rounds": rounds},
    )
