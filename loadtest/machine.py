"""The machine that figures come from, in one line."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

GIBIBYTE = 1024**3


def machine_line() -> str:
    """Return CPU, cores that this process may use, memory, and the versions that matter."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIBIBYTE
    python = f"Python {platform.python_version()}"
    return f"{cpu_model()}, {cores} cores, {memory:.0f} GiB memory, {python}, Ray {_installed('ray')}"


def busy_share(seconds: float = 1) -> float:
    """Measure what share of all cores is in use, 0 to 1; before a benchmark starts anything, by others."""
    return psutil.cpu_percent(seconds) / 100


def cpu_model() -> str:
    """Return the processor's name as Linux knows it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
