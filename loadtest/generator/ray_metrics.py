"""Replicas as Ray's metrics count them: Prometheus text, from a service or Ray's exporter."""

from __future__ import annotations

import re
import urllib.request
from collections import Counter
from collections.abc import Iterable

import psutil

from loadtest.errors import BenchmarkError

# Ray Serve's gauge for each replica, 1 while it is healthy.
REPLICA_METRIC = "ray_serve_deployment_replica_healthy"

_LINE = re.compile(REPLICA_METRIC + r"\{(?P<labels>.*)\} (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_PORT = re.compile(r"--metrics[-_]export[-_]port=(\d+)")
_TIMEOUT_SECONDS = 5

# A person's proxies must not stand between.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def replicas_in(text: str) -> dict[str, int]:
    """Return how many healthy replicas each deployment has, by its name."""
    found: set[tuple[str, str]] = set()
    for match in _LINE.finditer(text):
        labels = dict(_LABEL.findall(match["labels"]))
        if float(match["value"]) == 1:
            found.add((labels.get("deployment", ""), labels.get("replica", "")))
    return dict(Counter(deployment for deployment, _ in sorted(found)))


def scrape(url: str) -> dict[str, int]:
    """Ask for metrics, and return the replicas of each deployment.

    Raises:
        BenchmarkError: nothing that is HTTP answers there.
    """
    try:
        with _OPENER.open(url, timeout=_TIMEOUT_SECONDS) as response:
            return replicas_in(response.read().decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"The metrics at {url} cannot be read: {error}.") from None


def local_metrics_url(processes: Iterable[psutil.Process]) -> str:
    """Return where the Ray exporter among these processes of this machine answers; empty if there is none."""
    for process in processes:
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        match = _PORT.search(words)
        if match and int(match[1]):
            return f"http://127.0.0.1:{match[1]}/metrics"
    return ""
