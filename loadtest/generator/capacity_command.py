"""`scoring loadtest capacity`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from loadtest.configs import KINDS, Config, read_config, scaled
from loadtest.generator import capacity, folder
from loadtest.generator.arrivals import Step
from loadtest.generator.options import Exit
from loadtest.generator.run_command import Load, target_for
from loadtest.generator.running import check
from loadtest.generator.targets import cores_of
from loadtest.report import show


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        model: its name.
        p99_ms: what p99 must stay below.
        errors: share of requests that may fail.
        first_rate: to begin with.
        most_rate: beyond which nobody is interested.
        seconds: of each step.
        warm_up: seconds before each.
        replicas: of the model; None for one, or as somebody else has started it.
        cores: that the service may use; None for this machine's.
    """

    model: str
    p99_ms: float
    errors: float
    first_rate: float
    most_rate: float
    seconds: float
    warm_up: float
    replicas: int | None
    cores: int | None


def find_capacity(
    load: Load,
    wanted: Wanted,
    *,
    url: str | None,
    config: Path | None,
    server_pid: int | None,
    metrics_url: str,
    out: Path | None,
) -> int:
    """Search, write the folder, show the points, and return the exit code."""
    console, into = Console(highlight=False), out or folder.default_folder("capacity")
    given = _config(wanted, config) if url is None else {}
    with target_for(load, url, given, server_pid, metrics_url) as target:
        plan = load.plan(target.url, [Step(rate=wanted.first_rate, seconds=wanted.seconds)])
        check(plan, target)
        # How far the rate will rise is not known: as many as there are cores.
        workers = load.workers or len(os.sched_getaffinity(0))
        with load.session(console, rate=None, clients=workers) as session:
            found, best = capacity.find(
                session, plan, target, first=wanted.first_rate, most=wanted.most_rate, seconds=wanted.seconds,
                warm_up=wanted.warm_up, p99_ms=wanted.p99_ms, error_share=wanted.errors, console=console,
            )  # fmt: skip
        deployment = f"{wanted.model}-{load.sources.version}"
        data = capacity.content(
            found,
            model=wanted.model,
            url=target.url,
            p99_target_ms=wanted.p99_ms,
            replicas=wanted.replicas or capacity.replicas_of(best, deployment),
            cores=wanted.cores or cores_of(target),
        )
    capacity.write(data, found, into)
    if best is not None:
        folder.write(best, into)
    show(capacity.report(data, found), json_file=None, markdown=False)
    console.print(f"Written: {into / capacity.CAPACITY}", markup=False, soft_wrap=True)
    return Exit.INVALID if found.is_limit_of_generator or not found.is_confirmed else 0


def _config(wanted: Wanted, path: Path | None) -> Config:
    """The config of a service whose model has as many replicas as are wanted, and no other."""
    given, count = read_config(path), wanted.replicas or 1
    if wanted.model not in KINDS:
        return given
    return scaled(given, KINDS[wanted.model], min_replicas=count, max_replicas=count)[0]
