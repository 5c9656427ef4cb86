"""The service that is loaded: one that runs, or one that is started for the purpose."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from loadtest.configs import Config
from loadtest.generator import credentials
from loadtest.generator.options import checked_url
from loadtest.generator.running import Target
from loadtest.generator.server_side import tree_of
from loadtest.service import serving

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TIMEOUT_SECONDS = 60
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def running_target(
    url: str, server_pid: int | None, metrics_url: str, key_file: Path | None, token_file: Path | None
) -> Target:
    """Return a service that somebody else has started.

    Raises:
        BenchmarkError: an address, process or file is not what it should be.
    """
    return Target(
        checked_url(url),
        processes=None if server_pid is None else tree_of(server_pid),
        metrics_url=metrics_url,
        credentials=credentials.described(key_file, token_file),
        headers=credentials.headers(key_file, token_file),
    )


@contextmanager
def started_target(config: Config) -> Iterator[Target]:
    """Start a service on a free port of this machine; after the block it is stopped.

    Raises:
        BenchmarkError: it did not start or did not stop.
    """
    with serving(config) as service:
        yield Target(service.url, processes=service.processes)


def serves(target: Target, model: str) -> bool:
    """Whether a service has a model of this name."""
    asked = urllib.request.Request(f"{target.url}/v2/models/{model}", headers=dict(target.headers))  # noqa: S310 - checked
    try:
        with _OPENER.open(asked, timeout=_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def cores_of(target: Target) -> int | None:
    """Return how many cores a service on this machine may use; None for others."""
    return len(os.sched_getaffinity(0)) if urlsplit(target.url).hostname in _LOOPBACK else None
