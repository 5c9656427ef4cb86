"""Looks at hosts: name, connection, certificate, clock.

Its text also runs in a pod with no more than Python and its standard library: `python3 -c TEXT JSON`. So it imports
nothing else, not even the client of Kubernetes' API, and what goes in and out is JSON.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import urllib.request
from typing import Any

# What stands before the line with the result, since a program's start may write other lines.
MARK = "scoring-doctor:"


def look(target: dict[str, Any]) -> dict[str, Any]:
    """Look at one host.

    Args:
        target: `host`, `port`; `tls`; `ca_file`, certificates to trust in place of the system's; `clock`, whether to
            ask for the host's time; `timeout_seconds`; `proxies`, whether the environment's are used.

    Returns:
        `step`, the last that was tried (dns, proxy, tcp, tls, done); `problem`, empty where all went well;
        `certificate_ends`, in seconds since 1970; `clock_ahead_seconds`, how far this machine's clock is before the
        host's; both may be missing. `seconds`: how long it took.
    """
    start = time.monotonic()
    found: dict[str, Any] = {"step": "dns", "problem": ""}
    try:
        _look(target, found)
    except ssl.SSLCertVerificationError as error:
        found["problem"] = error.verify_message or "its certificate is not valid"
    except socket.gaierror as error:
        found["problem"] = error.strerror or "the name is not known"
    except (socket.timeout, TimeoutError):  # noqa: UP041 - two classes before Python 3.10
        found["problem"] = "no answer in time"
    except UnicodeError:
        found["problem"] = "it is no name of a host"
    except OSError as error:
        found["problem"] = error.strerror or str(error)
    found["seconds"] = round(time.monotonic() - start, 3)
    return found


def _look(target: dict[str, Any], found: dict[str, Any]) -> None:
    with contextlib.closing(_connect(target, found)) as connection:
        if not target.get("tls"):
            found["step"] = "done"
            return
        found["step"] = "tls"
        context = ssl.create_default_context(cafile=target.get("ca_file"))
        name = target.get("server_name") or target["host"]
        with context.wrap_socket(connection, server_hostname=name) as secure:
            ends = (secure.getpeercert() or {}).get("notAfter")
            if isinstance(ends, str):
                found["certificate_ends"] = ssl.cert_time_to_seconds(ends)
            if target.get("clock"):
                _compare_clocks(secure, target["host"], found)
            found["step"] = "done"


def _connect(target: dict[str, Any], found: dict[str, Any]) -> socket.socket:
    proxy = _proxy(target) if target.get("proxies") else None
    host, port = proxy or (target["host"], target["port"])
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found["step"] = "proxy" if proxy else "tcp"
    connection = _open(addresses, target["timeout_seconds"])
    if proxy:
        try:
            _ask_proxy(connection, target)
        except OSError:
            connection.close()
            raise
    return connection


def _open(addresses: list[Any], timeout_seconds: float) -> socket.socket:
    problem = OSError("it has no address")
    for family, kind, protocol, _, address in addresses:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _proxy(target: dict[str, Any]) -> tuple[str, int] | None:
    """The environment's proxy; only TLS is sent through it."""
    if not target.get("tls") or urllib.request.proxy_bypass(target["host"]):
        return None
    url = urllib.request.getproxies().get("https")
    parts = urllib.parse.urlsplit(url if url and "://" in url else f"http://{url}") if url else None
    return (parts.hostname, parts.port or 80) if parts and parts.hostname else None


def _ask_proxy(connection: socket.socket, target: dict[str, Any]) -> None:
    place = f"{target['host']}:{target['port']}"
    connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    status = _head(connection).split("\r\n")[0]
    if " 200" not in status:
        raise OSError(f"the proxy answers {status!r}")


def _compare_clocks(secure: ssl.SSLSocket, host: str, found: dict[str, Any]) -> None:
    sent = time.time()
    secure.sendall(f"GET /version HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    for line in _head(secure).split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "date":
            # The host cut its time to seconds, somewhere between sending and now.
            told = email.utils.parsedate_to_datetime(value.strip()).timestamp() + 0.5
            found["clock_ahead_seconds"] = round((sent + time.time()) / 2 - told, 3)


def _head(connection: socket.socket) -> str:
    """What comes before the empty line, and is all that is read: nothing follows a proxy's, and no body is wanted."""
    received = b""
    while b"\r\n\r\n" not in received and len(received) < 65536:  # noqa: PLR2004 - far above any head
        block = connection.recv(4096)
        if not block:
            break
        received += block
    return received.decode("latin-1").partition("\r\n\r\n")[0]


def look_at_all(targets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Look at hosts side by side; the results are in their order."""
    found: list[dict[str, Any]] = [{"step": "dns", "problem": "no answer in time", "seconds": 0} for _ in targets]

    def one(index: int) -> None:
        found[index] = look(targets[index])

    threads = [threading.Thread(target=one, args=(index,), daemon=True) for index in range(len(targets))]
    for thread in threads:
        thread.start()
    # A resolver takes its own time.
    end = time.monotonic() + 3 * max((each["timeout_seconds"] for each in targets), default=0)
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(found)


def main() -> None:
    """Look at the targets of the first argument; write one line."""
    print(MARK + json.dumps({"found": look_at_all(json.loads(sys.argv[1]))}), flush=True)
    # Threads that still wait for a resolver must not keep the pod.
    os._exit(0)


if __name__ == "__main__":
    main()
