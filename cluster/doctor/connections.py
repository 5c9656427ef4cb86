"""Checks of hosts: from what the probe saw to what one may do about it."""

from __future__ import annotations

import time
from typing import Any

from cluster.doctor import probe
from cluster.doctor.findings import Check, Finding, Stage, failed, ok, warning
from cluster.doctor.hosts import Target, api_endpoint
from cluster.kubernetes.api import Server

DAY = 86400.0
SOON_DAYS = 14

# Tokens are refused when clocks are minutes apart, certificates that were made just now at once.
CLOCK_WARNS_SECONDS = 5
CLOCK_FAILS_SECONDS = 60

_STEPS = {
    "dns": ("its name is not found", "Check the name, and the DNS server that {place} uses."),
    "proxy": ("the proxy does not connect", "Check HTTPS_PROXY and NO_PROXY."),
    "tcp": ("no connection", "Open port {port} to it in firewalls, security groups and network policies of {place}."),
    "tls": (
        "TLS fails",
        "Check the certificate's name, end and issuer, and whether a proxy on the way answers in its place.",
    ),
}


def request_for(target: Target, timeout_seconds: float, *, proxies: bool) -> dict[str, Any]:
    """Return what the probe is asked about a target."""
    assert target.endpoint is not None  # noqa: S101 - others are not probed
    host = target.endpoint
    return {
        "host": host.host,
        "port": host.port,
        "tls": host.tls,
        "timeout_seconds": timeout_seconds,
        "proxies": proxies,
    }


def finding_of(target: Target, found: dict[str, Any], place: str, *, decisive: bool = True) -> Finding:
    """Make a finding of what the probe saw.

    Args:
        target: what was looked at.
        found: what the probe returns.
        place: from where, for people.
        decisive: whether the application cannot run if the host is not reached from there.
    """
    endpoint = target.endpoint
    what = f"{target.why}, port {endpoint.port if endpoint else '?'}"
    if found["problem"]:
        step, advice = _STEPS[found["step"]]
        message = f"{what}: {step}: {found['problem']}"
        advice = advice.format(port=endpoint.port if endpoint else "", place=place)
        return (failed if target.needed and decisive else warning)(message, advice)
    left = _days_left(found)
    if left is not None and left < SOON_DAYS:
        return warning(f"{what}: its certificate ends in {left:.0f} days", "Have it renewed.")
    return ok(f"{what}: answers in {1000 * found['seconds']:.0f} ms{_certificate(left)}")


def check_here(target: Target, timeout_seconds: float, *, decisive: bool) -> Check:
    """Return the check of a host from this machine."""

    def run() -> Finding:
        if target.unknown:
            return unknown(target)
        found = probe.look(request_for(target, timeout_seconds, proxies=True))
        return finding_of(target, found, "this machine", decisive=decisive)

    # A name has several addresses, and a resolver its own time.
    limit = 4 * timeout_seconds
    return Check(name_of(target), target.stage, run, limit_seconds=limit, needs_api=False)


def unknown(target: Target) -> Finding:
    """Return the finding of a host whose name is not known."""
    return warning(f"{target.why}: its host cannot be told, for {target.unknown}", "See that pods reach it.")


def name_of(target: Target) -> str:
    """Name the check of a host."""
    return f"host {target.endpoint.host if target.endpoint else '?'}"


def check_api_server(server: Server, timeout_seconds: float) -> Check:
    """Return the check of name, connection, certificate and clock of the API server, from this machine."""
    target = Target(api_endpoint(server.url), "API server", Stage.CREATE)

    def run() -> Finding:
        request = request_for(target, timeout_seconds, proxies=True)
        request |= {"ca_file": server.ca_file, "server_name": server.server_name}
        return finding_of(target, probe.look(request), "this machine")

    return Check("API server", Stage.CREATE, run, limit_seconds=4 * timeout_seconds, needs_api=False)


def check_clock(server: Server, timeout_seconds: float) -> Check:
    """Return the check of this machine's clock against that of the API server."""
    target = Target(api_endpoint(server.url), "API server", Stage.CREATE)

    def run() -> Finding:
        request = request_for(target, timeout_seconds, proxies=True)
        request |= {"ca_file": server.ca_file, "server_name": server.server_name, "clock": True}
        return clock_finding(probe.look(request), "this machine's clock")

    return Check("clock", Stage.CREATE, run, limit_seconds=4 * timeout_seconds)


def clock_finding(found: dict[str, Any], whose: str) -> Finding:
    """Make a finding of two clocks."""
    ahead = found.get("clock_ahead_seconds")
    if ahead is None:
        return warning(f"{whose} was not compared: {found['problem'] or 'the API server tells no time'}", "")
    direction = "ahead of" if ahead > 0 else "behind"
    if abs(ahead) < CLOCK_WARNS_SECONDS:
        return ok(f"{whose} and the API server's agree within {CLOCK_WARNS_SECONDS} s")
    message = f"{whose} is {abs(ahead):.0f} s {direction} the API server's"
    advice = "Set clocks by NTP (chrony or systemd-timesyncd) there; tokens and certificates depend on them."
    return failed(message, advice) if abs(ahead) >= CLOCK_FAILS_SECONDS else warning(message, advice)


def _days_left(found: dict[str, Any]) -> float | None:
    ends = found.get("certificate_ends")
    return None if ends is None else (float(ends) - time.time()) / DAY


def _certificate(days: float | None) -> str:
    return "" if days is None else f", its certificate holds for {days:.0f} days"
