"""Replicas as Ray's metrics count them: Prometheus text, from a service or Ray's exporter."""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import psutil

from loadtest.errors import BenchmarkError
from loadtest.ray_processes import role

# The process of Ray that has the exporter, as `ray_processes` calls it; and what its own metrics begin with.
EXPORTER = "Ray dashboard agent"
_OWN = "# HELP ray_"

# Ray Serve's gauge for each replica, 1 while it is healthy.
REPLICA_METRIC = "ray_serve_deployment_replica_healthy"

_LINE = re.compile(REPLICA_METRIC + r"\{(?P<labels>.*)\} (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
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
    return replicas_in(_text(url))


def local_metrics_url(processes: Iterable[psutil.Process]) -> str:
    """Return where the Ray exporter among these processes of this machine answers; empty if there is none."""
    for process in processes:
        if role(process) != EXPORTER:
            continue
        for port in _ports(process):
            url = f"http://127.0.0.1:{port}/metrics"
            with suppress(BenchmarkError):
                if _OWN in _text(url):
                    return url
    return ""


def _ports(process: psutil.Process) -> list[int]:
    """Ports that a process listens on; no command line tells which one is the exporter's where that is a free one."""
    try:
        return sorted({each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN})
    except psutil.Error:
        return []


def _text(url: str) -> str:
    try:
        with _OPENER.open(url, timeout=_TIMEOUT_SECONDS) as response:
            content: bytes = response.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise BenchmarkError(f"The metrics at {url} cannot be read: {error}.") from None
    return content.decode("utf-8", "replace")
