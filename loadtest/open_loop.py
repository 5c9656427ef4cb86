"""Requests at a rate of their own, whatever becomes of them: clients do not wait for each other."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import cycle
from multiprocessing.synchronize import Event
from typing import NamedTuple
from urllib.parse import urlsplit

from loadtest.payloads import Payload

# How long the last requests may take; beyond the service's own limit.
TIMEOUT_SECONDS = 120

# The status of a request that got no answer.
NO_ANSWER = 0
# The same on a connection that had been used before and ended before an answer began: closed while it was idle, as a
# client that sends may see too late, or lost with who had it.
CLOSED = -1

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Timed(NamedTuple):
    """One request: when it was due and when its answer was there, in seconds since the epoch, and the HTTP status."""

    due: float
    ended: float
    status: int

    @property
    def seconds(self) -> float:
        """From when it was due: a client that has to wait for a connection waits, too."""
        return self.ended - self.due


class Requests(NamedTuple):
    """What is sent, one payload after the other and then from the first on again."""

    url: str
    payloads: Sequence[Payload]
    headers: Mapping[str, str] = {}


class Generator:
    """Sends from a process of its own, so that who measures beside it does not slow it down."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._headers = dict(headers or {})
        self._ended = context.Event()
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_share, initargs=(self._ended,))

    def paced(
        self, url: str, payloads: Sequence[Payload], *, rate: float, clients: int, seconds: float
    ) -> Future[list[Timed]]:
        """Begin to send `rate` requests a second, except while `clients` wait for their answers already."""
        return self._pool.submit(_run, self._requests(url, payloads), rate, clients, seconds)

    def closed(self, url: str, payloads: Sequence[Payload], *, clients: int, seconds: float) -> Future[list[Timed]]:
        """Begin to keep as many requests out as there are clients."""
        return self._pool.submit(_run, self._requests(url, payloads), 0.0, clients, seconds)

    def counted(self, url: str, payloads: Sequence[Payload], *, clients: int, count: int) -> Future[list[Timed]]:
        """Begin to keep as many requests out as there are clients, until so many have been sent."""
        return self._pool.submit(_run_counted, self._requests(url, payloads), clients, count)

    def end(self) -> None:
        """Send nothing more, before the time is over; what is out is still waited for."""
        self._ended.set()

    def stop(self) -> None:
        """End the process."""
        self._pool.shutdown()

    def _requests(self, url: str, payloads: Sequence[Payload]) -> Requests:
        return Requests(url, tuple(payloads), self._headers)


_ended: Event | None = None


def _share(ended: Event) -> None:
    """Take over, in the process that sends, what tells it to end."""
    global _ended  # noqa: PLW0603 - the pool's process belongs to one generator
    _ended = ended


def _is_ended() -> bool:
    return _ended is not None and _ended.is_set()


def _run(requests: Requests, rate: float, clients: int, seconds: float) -> list[Timed]:
    load = _Load(requests)
    return asyncio.run(load.paced(rate, clients, seconds) if rate else load.closed(clients, seconds))


def _run_counted(requests: Requests, clients: int, count: int) -> list[Timed]:
    return asyncio.run(_Load(requests).counted(clients, count))


class _Load:
    def __init__(self, requests: Requests) -> None:
        parts = urlsplit(requests.url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        bodies = requests.payloads
        self._requests = cycle([request_of(parts.path, parts.netloc, body, requests.headers) for body in bodies])
        self._idle: list[_Connection] = []
        self._done: list[Timed] = []

    async def paced(self, rate: float, clients: int, seconds: float) -> list[Timed]:
        tasks: set[asyncio.Task[None]] = set()
        begun = time.monotonic()
        for number in range(round(rate * seconds)):
            ahead = begun + number / rate - time.monotonic()
            if ahead > 0 or number % 10 == 0:
                await asyncio.sleep(max(ahead, 0))
            if time.monotonic() - begun > seconds or _is_ended():
                # This machine cannot send as many; who reads the figures sees how many it sent.
                break
            if len(tasks) >= clients:
                continue
            # No request waits for another one's answer: what delays it is the machine that sends, not the service.
            task = asyncio.create_task(self._one(time.time()))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        return self._done

    async def closed(self, clients: int, seconds: float) -> list[Timed]:
        until = time.time() + seconds

        async def ask() -> None:
            while (now := time.time()) < until and not _is_ended():
                await self._one(now)

        await asyncio.gather(*(ask() for _ in range(clients)))
        return self._done

    async def counted(self, clients: int, count: int) -> list[Timed]:
        left = iter(range(count))

        async def ask() -> None:
            for _ in left:
                await self._one(time.time())

        await asyncio.gather(*(ask() for _ in range(clients)))
        return self._done

    async def _one(self, due: float) -> None:
        status = NO_ANSWER
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status = await self._exchanged(next(self._requests))
        except _UsedConnectionEnded:
            status = CLOSED
        except (OSError, TimeoutError, ValueError):
            pass
        self._done.append(Timed(due, time.time(), status))

    async def _exchanged(self, request: bytes) -> int:
        connection = await self._connection()
        status = await connection.exchange(request)
        if connection.is_open:
            self._idle.append(connection)
        return status

    async def _connection(self) -> _Connection:
        while self._idle:
            # The one that was used last: others may have been idle for too long.
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return connection


def request_of(path: str, host: str, payload: Payload, headers: Mapping[str, str]) -> bytes:
    """Return the bytes of an HTTP/1.1 request."""
    lines = {"Host": host, "Content-Type": payload.content_type, "Content-Length": str(len(payload.content))}
    fields = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **headers}.items())
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode() + payload.content


class _UsedConnectionEnded(ConnectionResetError):
    """A connection that had carried an answer ended without another one."""


class _Connection(asyncio.Protocol):
    """A connection with one request at a time on it."""

    def __init__(self) -> None:
        self._answers = 0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> int:
        assert self._transport is not None  # noqa: S101 - connected
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            status = await self._answer
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        self._answers += 1
        return status

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of TCP
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        if not end or self._answer is None or self._answer.done():
            return
        length = _LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        if _CLOSE.search(head) and self._transport is not None:
            self._transport.close()
        self._answer.set_result(int(head[9:12]))

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            is_late = self._answers and not self._received
            error = _UsedConnectionEnded if is_late else ConnectionResetError
            self._answer.set_exception(error("The connection ended."))
