"""Following an application until it runs, and saying why where it does not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deployments.cache_root import cache_root
from deployments.errors import StartupError
from deployments.image_classifier.cache import CONVERTED, WEIGHTS

Report = Callable[[str], None]

# Often enough that a person sees progress, and no load.
POLL_SECONDS = 0.25
START_SECONDS = 1200

MEGABYTE = 1_000_000
DOWNLOAD_STEP_MB = 10

# A sentence, and the indented lines that say which settings are wrong.
_OWN_ERROR = re.compile(r"StartupError: (.+(?:\n  (?!File \").+)*)")
# The last line of a stack trace; one error's text may be another's stack trace.
_LAST_ERROR = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception)(?:: (?!Traceback ).+)?)$", re.MULTILINE)


def follow_rollout(application: str, report: Report, stop: threading.Event) -> None:
    """Report each deployment's way until all of them run.

    Raises:
        StartupError: the application failed, took too long, or is no longer wanted.
    """
    from ray import serve

    shown: dict[str, str] = {}
    cache = cache_root(WEIGHTS)
    # What a conversion that was broken off left behind is none of this start's.
    left = _conversions()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        status = serve.status().applications.get(application)
        if status is not None:
            for name, deployment in status.deployments.items():
                _show(name, _words(deployment.status, dict(deployment.replica_states)), shown, report)
            if status.status == "RUNNING":
                return
            messages = [status.message, *(each.message for each in status.deployments.values())]
            _raise_if_failed(status.status, "\n\n".join(messages))
        arriving = _arriving_mb(cache)
        if arriving:
            _show("weights", f"downloading, {arriving} MB so far", shown, report)
        if _conversions() - left:
            _show("network", "being converted for a faster engine, this once", shown, report)
        if stop.wait(POLL_SECONDS):
            raise StartupError("Stopped before the service was ready.")
    raise StartupError(f"The application did not start within {START_SECONDS // 60} minutes.")


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


def _raise_if_failed(status: str, message: str) -> None:
    # Ray Serve starts a failing replica several times; what only a person can mend is known after the first.
    if status in {"DEPLOY_FAILED", "UNHEALTHY"} or _OWN_ERROR.search(message):
        raise StartupError(reason(message))


def reason(message: str) -> str:
    """Find the sentence for people in Ray Serve's message, which holds a stack trace."""
    if own := _OWN_ERROR.search(message):
        return own[1]
    if errors := _LAST_ERROR.findall(message):
        return f"The application failed to start: {errors[-1]}"
    first = message.strip().partition("\n")[0]
    return f"The application failed to start: {first or 'Ray Serve gives no reason.'}"


def _words(status: str, replicas: Mapping[Any, int]) -> str:
    running = replicas.get("RUNNING", 0)
    if status == "HEALTHY":
        return f"running ({running} replica{'s' if running != 1 else ''})"
    return "loading" if replicas.get("STARTING", 0) else "waiting"


def _show(name: str, words: str, shown: dict[str, str], report: Report) -> None:
    if shown.get(name) != words:
        shown[name] = words
        report(f"{name}: {words}")
