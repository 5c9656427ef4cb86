"""What must hold before anything starts."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import psutil

from deployments.errors import StartupError
from deployments.kinds import find_kind
from serve_app.config_file import ConfigFile
from serve_app.settings import ServiceSettings

MEBIBYTE = 1024 * 1024
CONTROL_GROUP = Path("/sys/fs/cgroup")

# Resident memory as measured at rest (docs/benchmarks.md), rounded up: Ray and the ingress.
RAY_MB = 1200


def check_grpc_port(config: ConfigFile) -> None:
    """Make sure that the service can listen for gRPC beside HTTP, if it is to.

    Raises:
        StartupError: it cannot; the message says what to change.
    """
    if config.grpc_port is None:
        return
    if config.grpc_port == config.port:
        raise StartupError(f"HTTP and gRPC cannot both use port {config.port}; choose another with --grpc-port.")
    check_port(config.host, config.grpc_port, option="--grpc-port")


def check_port(host: str, port: int, *, option: str = "--port") -> None:
    """Make sure that the service can listen.

    Raises:
        StartupError: the port is taken, or the address is not one of this machine.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise StartupError(f"The host {host} is not known; use an address of this machine such as 127.0.0.1.") from None
    family, kind, protocol, _, address = addresses[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise StartupError(_why_not(error, host, port, option)) from None


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken; stop what uses it, or choose another with {option}."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this user; choose one above 1023 with {option}."
    return f"This machine cannot listen on {host}; use one of its own addresses, such as 127.0.0.1, with --host."


def check_keys(settings: ServiceSettings) -> None:
    """Make sure that the files of keys are whole, where requests need keys.

    Raises:
        StartupError: they are not; nobody could get in.
    """
    from deployments.ingress.access.access_directory import AccessDirectory

    access = settings.ingress_settings().access
    if access.is_required:
        AccessDirectory(access.place).check()


def check_memory(settings: ServiceSettings) -> None:
    """Make sure that the smallest number of replicas fits.

    Raises:
        StartupError: it does not.
    """
    needed, available = memory_needed_mb(settings), memory_available_mb()
    if available < needed:
        raise StartupError(
            f"The models need about {needed} MB of memory and {available} MB are free; "
            "free some, or serve fewer models or replicas."
        )


def memory_needed_mb(settings: ServiceSettings) -> int:
    """Estimate what Ray, the gateway and the smallest number of replicas take."""
    replicas = settings.ingress.scaling.min_replicas
    return RAY_MB + sum(find_kind(model.kind).memory_mb(version, replicas) for model, version in settings.versions)


def memory_available_mb() -> int:
    """Return what this process may still use: of the machine, or of its control group where that is less."""
    available = psutil.virtual_memory().available
    left = _left_in_control_group()
    return int((available if left is None else min(available, left)) // MEBIBYTE)


def _left_in_control_group() -> int | None:
    """Return the bytes that the control group leaves, which are more than it calls free; None without a limit."""
    try:
        limit = (CONTROL_GROUP / "memory.max").read_text(encoding="ascii").strip()
        if limit == "max":
            return None
        used = int((CONTROL_GROUP / "memory.current").read_text(encoding="ascii"))
        # Files that were read once count as used until something else needs their place.
        stat = dict(line.split() for line in (CONTROL_GROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return int(limit) - used + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
