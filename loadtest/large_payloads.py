"""Bodies as large as the service takes, many at once: what is answered, and what memory that takes."""

from __future__ import annotations

import base64
import contextlib
import copy
import http.client
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from struct import pack
from urllib.parse import urlsplit

from loadtest.configs import KINDS, Config, arguments
from loadtest.errors import BenchmarkError
from loadtest.memory_over_time import MEBIBYTE, MemoryOverTime, watched_memory
from loadtest.open_loop import Timed
from loadtest.overload import health_checks, one_replica_each
from loadtest.overload_figures import percentile
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.service import Service, serving

MEMORY_SECONDS = 0.05
TRIES_SECONDS = 300.0
TIMEOUT_SECONDS = 300

_JSON = b'{"input": {"photo": "%s"}}'


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one client's body.

    Attributes:
        statuses: of each time that it was sent, 0 where the connection broke; a client sends again after 503.
        seconds: from the first time until the last answer.
    """

    statuses: list[int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What one kind of body did to a service.

    Attributes:
        kind: of the body.
        size: of each, in bytes.
        asked: what became of each.
        health: health checks meanwhile.
        before: memory of all processes before, in MiB.
        peak: the most that all took at once.
        peaks: the most of each process.
    """

    kind: str
    size: int
    asked: list[Asked]
    health: list[Timed]
    before: float
    peak: float
    peaks: list[tuple[str, float]]


def measure(config: Config, *, count: int, megabytes: int) -> Report:
    """Send images as large as a body may be, to a service of one replica each that has just started.

    Args:
        config: the service's.
        count: bodies at once, each of another client that sends again when it is refused for now.
        megabytes: size of each body, in MiB.

    Raises:
        BenchmarkError: the service failed.
    """
    config, name = one_replica_each(config, KINDS["image"])
    arguments(config)["ingress"].setdefault("max_body_mb", megabytes)
    found = []
    for kind, payload in (("bare image", bare(megabytes)), ("JSON", in_json(megabytes))):
        # A service of its own for each: what a process has once taken from the system it may keep.
        with serving(copy.deepcopy(config)) as service:
            found.append(_sent(service, f"{service.url}/{name}/score", kind, payload, count))
    return report(found)


def bare(megabytes: int) -> Payload:
    """Return a PNG file of nearly that size."""
    return Payload(png_of(megabytes * MEBIBYTE), "image/png")


def in_json(megabytes: int) -> Payload:
    """Return JSON of nearly that size with a PNG file in it."""
    return Payload(_JSON % base64.b64encode(png_of((megabytes * MEBIBYTE - len(_JSON)) // 4 * 3)), "application/json")


def png_of(size: int) -> bytes:
    """Return a black, uncompressed PNG file of at most `size` bytes, and nearly as many."""
    # Deflate without compression adds 5 bytes to each block of up to 64 KiB; half a percent is more than enough.
    side = int((size * 0.995 / 3) ** 0.5)
    rows = (b"\0" + bytes(3 * side)) * side
    header = pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content)) for name, content in chunks
    )


def report(found: list[Found]) -> Report:
    """Put both kinds into a table."""
    rows = []
    for each in found:
        first = Counter(asked.statuses[0] for asked in each.asked)
        done = [asked for asked in each.asked if asked.statuses[-1] == HTTPStatus.OK]
        shares = [(each.kind, f"{len(each.asked)} of {each.size / MEBIBYTE:.0f} MiB at once", "")]
        shares += [("", f"status at first: {status or 'no answer'}", str(count)) for status, count in first.items()]
        shares += [
            ("", "answered, when asked again where refused", f"{len(done)} of {len(each.asked)}"),
            ("", "until the last answer, s", f"{max(asked.seconds for asked in each.asked):.1f}"),
            (
                "",
                "health checks: median / slowest, ms",
                f"{percentile(each.health, 0.5):,.0f} / {percentile(each.health, 1):,.0f}",
            ),
            (
                "",
                "health checks that failed",
                f"{sum(one.status != HTTPStatus.OK for one in each.health)} of {len(each.health)}",
            ),
            ("", "memory of all processes before, MiB", f"{each.before:,.0f}"),
            ("", "memory of all processes at the most, MiB", f"{each.peak:,.0f}"),
        ]
        shares += [("", f"{role} at the most, MiB", f"{most:,.0f}") for role, most in each.peaks]
        rows += [list(share) for share in shares]
    return Report(
        "Large bodies, many at once",
        ["Body", "", "Figure"],
        rows,
        ["Resident memory, seen 20 times a second; one replica of each stage. Clients wait for Retry-After."],
        {"bodies": [asdict(each) for each in found]},
    )


def _sent(service: Service, url: str, kind: str, payload: Payload, count: int) -> Found:
    with (
        watched_memory(service.processes, every=MEMORY_SECONDS) as memory,
        health_checks(service.url) as health,
        ThreadPoolExecutor(count) as clients,
    ):
        asked = list(clients.map(lambda _number: ask(url, payload), range(count)))
    if not health:
        raise BenchmarkError("The bodies were answered before a health check was; send more or larger ones.")
    return Found(kind, len(payload.content), asked, list(health), memory.total[0], max(memory.total), _largest(memory))


def ask(url: str, payload: Payload) -> Asked:
    """Send a body, again and again while the service refuses it for now."""
    statuses = []
    begun = time.monotonic()
    while True:
        status, wait = _post(url, payload)
        statuses.append(status)
        seconds = time.monotonic() - begun
        if status not in {0, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS} or seconds > TRIES_SECONDS:
            return Asked(statuses, seconds)
        time.sleep(wait)


def _post(url: str, payload: Payload) -> tuple[int, float]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        # Who is refused may find the connection closed while it still sends; the answer is there all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", parts.path, payload.content, {"content-type": payload.content_type})
        response = connection.getresponse()
        response.read()
        return response.status, float(response.headers.get("retry-after", 1))
    except (OSError, http.client.HTTPException):
        return 0, 1.0
    finally:
        connection.close()


def _largest(memory: MemoryOverTime) -> list[tuple[str, float]]:
    found = [(role, most) for (role, _pid), most in memory.peaks.items() if role.startswith(("replica", "HAProxy"))]
    return sorted(found, key=lambda each: -each[1])
