"""The processes of a local service: finding, draining and ending them."""

from __future__ import annotations

import signal

import psutil

END_SECONDS = 10


def descendants() -> list[psutil.Process]:
    """Return all processes that this one has started, directly or not."""
    return psutil.Process().children(recursive=True)


def of_ray() -> list[psutil.Process]:
    """Return Ray's node manager, if it runs."""
    return [process for process in descendants() if _runs(process, "raylet")]


def drain_haproxy(timeout_seconds: float) -> bool:
    """Have HAProxy close its port, finish what it has accepted, and exit.

    Ray Serve's own shutdown ends HAProxy at once, with requests in it; HAProxy's soft stop does not.

    Args:
        timeout_seconds: how long requests may take.

    Returns:
        Whether there was an HAProxy.
    """
    proxies = [process for process in descendants() if _runs(process, "haproxy")]
    for proxy in proxies:
        _send(proxy, signal.SIGUSR1)
    psutil.wait_procs(proxies, timeout=timeout_seconds)
    return bool(proxies)


def end(processes: list[psutil.Process]) -> None:
    """Wait for processes to end, and end those that do not by themselves."""
    _, left = psutil.wait_procs(processes, timeout=END_SECONDS)
    for process in left:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=END_SECONDS)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _runs(process: psutil.Process, name: str) -> bool:
    try:
        return process.name() == name and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
