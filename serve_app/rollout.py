"""Following applications until they run, and saying why where they do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from deployments.cache_root import CONVERTED, WEIGHTS, cache_root
from deployments.errors import StartupError
from deployments.failures import ROOT, failure_of

Report = Callable[[str], None]

# Often enough that a person sees progress, and no load.
POLL_SECONDS = 0.25
START_SECONDS = 1200

MEGABYTE = 1_000_000
DOWNLOAD_STEP_MB = 10


def follow_rollout(
    gateway: str, applications: Iterable[str], report: Report, stop: threading.Event, shown: dict[str, str]
) -> dict[str, str]:
    """Report each deployment's way until each application runs, or has failed.

    Args:
        gateway: name of the gateway's application, without which nothing can be asked.
        applications: names of the others.
        report: shows a person a line of progress.
        stop: ends this.
        shown: what was reported before; it is kept up to date.

    Returns:
        Why each application that has failed did so, by name.

    Raises:
        StartupError: the gateway failed, it took too long, or is no longer wanted.
    """
    from ray import serve

    failed: dict[str, str] = {}
    missing = {gateway, *applications}
    cache = cache_root(WEIGHTS)
    # What a conversion that was broken off left behind is none of this start's.
    left = _conversions()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        for name, status in serve.status().applications.items():
            if name in missing:
                _show_deployments(status, shown, report)
                why = failure_of(status)
                if why is not None:
                    failed[name] = why
                    report(f"{name}: failed")
                missing -= {name} if why is not None or status.status == "RUNNING" else set()
        if gateway in failed:
            raise StartupError(failed[gateway])
        if not missing:
            return failed
        _show_arrivals(cache, left, shown, report)
        if stop.wait(POLL_SECONDS):
            raise StartupError("Stopped before the service was ready.")
    raise StartupError(f"{', '.join(sorted(missing))} did not start within {START_SECONDS // 60} minutes.")


def _show_arrivals(cache: Path, left: set[Path], shown: dict[str, str], report: Report) -> None:
    if arriving := _arriving_mb(cache):
        _show("weights", f"downloading, {arriving} MB so far", shown, report)
    if _conversions() - left:
        _show("network", "being converted for a faster engine, this once", shown, report)


def _show_deployments(status: Any, shown: dict[str, str], report: Report) -> None:
    for name, each in status.deployments.items():
        if name == ROOT:
            continue
        _show(name, _words(each.status, dict(each.replica_states)), shown, report)


def _arriving_mb(cache: Path) -> int:
    """Return what has come of weights that a replica is downloading, in steps that a person can read."""
    sizes = [size for path in cache.glob("*/partial-*") if (size := _size(path)) is not None]
    return sum(sizes) // MEGABYTE // DOWNLOAD_STEP_MB * DOWNLOAD_STEP_MB


def _conversions() -> set[Path]:
    """Return where networks are being converted; the directories are hidden until they are complete."""
    return set(cache_root(CONVERTED).glob(".*"))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _words(status: str, replicas: Mapping[Any, int]) -> str:
    running = replicas.get("RUNNING", 0)
    if status == "HEALTHY":
        return f"running ({running} replica{'s' if running != 1 else ''})"
    return "loading" if replicas.get("STARTING", 0) else "waiting"


def _show(name: str, words: str, shown: dict[str, str], report: Report) -> None:
    if shown.get(name) != words:
        shown[name] = words
        report(f"{name}: {words}")
