"""HTTP/1.1 over kept connections, for processes of gevent: bytes that are ready go out, a status comes back."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import gevent  # type: ignore[import-untyped]
from gevent import monkey, socket
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketResponse

from loadtest.generator.plan import Request

USER_AGENT = "ray-scoring-loadtest"
_BLOCK_BYTES = 64 * 1024

# Beyond a descriptor of 1,023 select() fails, and gevent's own poll() asks the event loop: this one looks and is back.
_poll = monkey.get_original("select", "poll")
_READABLE = 1

# What may go wrong with a request, apart from its status.
TIMEOUT = "timeout"
REFUSED = "connection refused"
NO_CONNECTION = "no connection"
CLOSED = "connection closed"
TLS = "TLS"
NO_HTTP = "no HTTP"


class Prepared:
    """A request as it goes over a connection."""

    __slots__ = ("content", "ends_connection", "method")

    def __init__(self, request: Request, host: str, headers: Mapping[str, str]) -> None:
        length = len(request.body) if request.declared_bytes is None else request.declared_bytes
        lines = {"Host": host, "User-Agent": USER_AGENT, **request.headers, **headers}
        if request.body or request.method == "POST":
            lines["Content-Length"] = str(length)
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.content = f"{request.method} {request.path} HTTP/1.1\r\n{fields}\r\n".encode() + request.body
        self.method = request.method
        self.ends_connection = request.declared_bytes is not None


class Connections:
    """Connections to one service; as many as there are requests out.

    Args:
        url: the service's; its path counts for nothing.

    Raises:
        OSError: its name cannot be resolved.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._name = parts.hostname or "127.0.0.1"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if self._tls else 80)
        # Once, since a name that is looked up for each connection would be part of the service's latency.
        self._addresses = socket.getaddrinfo(self._name, port, type=socket.SOCK_STREAM)
        self._idle: deque[socket.socket] = deque()

    def exchange(self, prepared: Prepared, timeout: float) -> str:
        """Send a request and read its answer to the end.

        Returns:
            The HTTP status as text, or what went wrong.
        """
        connection: socket.socket | None = None
        try:
            with gevent.Timeout(timeout):
                try:
                    connection = self._take()
                except ConnectionRefusedError:
                    return REFUSED
                except ssl.SSLError:
                    return TLS
                except OSError:
                    return NO_CONNECTION
                status, connection = self._status(connection, prepared)
                return status
        except gevent.Timeout:
            return TIMEOUT
        finally:
            if connection is not None:
                connection.close()

    def close(self) -> None:
        """End all connections that carry nothing."""
        while self._idle:
            self._idle.pop().close()

    def _status(self, connection: socket.socket, prepared: Prepared) -> tuple[str, socket.socket | None]:
        """The status, and the connection if it is of no more use."""
        try:
            # A service that refuses early may have answered before it ended the connection.
            with suppress(OSError):
                connection.sendall(prepared.content)
            response = HTTPSocketResponse(connection, block_size=_BLOCK_BYTES, method=prepared.method)
            response.read()
        except (HTTPConnectionClosed, OSError):
            return CLOSED, connection
        except HTTPParseError:
            return NO_HTTP, connection
        status = str(response.status_code)
        if prepared.ends_connection or response.should_close():
            return status, connection
        self._idle.append(connection)
        return status, None

    def _take(self) -> socket.socket:
        while self._idle:
            # The one that was used last: others may have been idle for too long.
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            connection.close()
        return self._connected()

    def _connected(self) -> socket.socket:
        error: OSError | None = None
        for family, kind, protocol, _, address in self._addresses:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return (
                    connection if self._tls is None else self._tls.wrap_socket(connection, server_hostname=self._name)
                )
            except BaseException as failed:
                connection.close()
                if not isinstance(failed, OSError):
                    raise
                error = failed
        raise error or OSError("The service has no address.")


def _is_open(connection: socket.socket) -> bool:
    poll = _poll()
    poll.register(connection.fileno(), _READABLE)
    # What an idle connection has to say is that it has ended.
    return not poll.poll(0)
