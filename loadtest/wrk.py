"""Closed-loop load with wrk (https://github.com/wg/wrk): each connection sends its next request after an answer."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload, written

# Beyond every limit of the service, so that wrk gives up no request before the service does.
TIMEOUT_SECONDS = 120
START_SECONDS = 60

_RESULT = re.compile(r"^result ((?:\w+=\d+ ?)+)$", re.MULTILINE)

# Times are in microseconds. Statuses of 400 and above count as errors; the service sends no redirects.
_SCRIPT = """\
local requests = {{}}
local position = 0

local function add(content_type, name)
  local file = assert(io.open(name, "rb"))
  local body = file:read("*a")
  file:close()
  requests[#requests + 1] = wrk.format("POST", wrk.path, {{["Content-Type"] = content_type{headers}}}, body)
end

function init(args)
{adds}
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "result requests=%d duration=%d p50=%d p90=%d p99=%d max=%d connect=%d read=%d write=%d status=%d timeout=%d\\n",
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class WrkResult:
    """What one run gave.

    Attributes:
        requests: responses that came, of any status.
        seconds: length of the run.
        p50_ms: latency that half of the responses did not exceed, in milliseconds; so with the others.
        p90_ms: nine tenths.
        p99_ms: 99 of 100.
        max_ms: all.
        failed_responses: responses with a status of 400 or above.
        failed_connections: connections that were refused or broke, requests that got no response in time.
    """

    requests: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    failed_responses: int
    failed_connections: int

    @property
    def requests_per_second(self) -> float:
        """Successful responses per second."""
        return (self.requests - self.failed_responses) / self.seconds

    @property
    def errors(self) -> int:
        """Everything that failed."""
        return self.failed_responses + self.failed_connections


class TimedRun(NamedTuple):
    """A run and when it was, in seconds since the epoch."""

    started: float
    result: WrkResult
    ended: float


def run(
    url: str,
    payloads: Sequence[Payload],
    *,
    connections: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> WrkResult:
    """Send the payloads again and again over a number of connections.

    Args:
        url: where to send them.
        payloads: bodies, sent in turn.
        connections: requests that are out at any time.
        seconds: length of the run; wrk takes whole ones.
        headers: of every request, beside its content type.

    Raises:
        BenchmarkError: wrk is not installed or failed.
    """
    return run_timed(url, payloads, connections=connections, seconds=seconds, headers=headers).result


def run_timed(
    url: str,
    payloads: Sequence[Payload],
    *,
    connections: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> TimedRun:
    """Do the same as `run`, and tell when.

    Raises:
        BenchmarkError: wrk is not installed or failed.
    """
    length = max(1, round(seconds))
    with TemporaryDirectory(prefix="loadtest-") as directory:
        script = write_script(Path(directory), payloads, headers or {})
        options = ["-t", "1", "-c", str(connections), "-d", f"{length}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
        command = [wrk_path(), *options, "-s", str(script), url]
        started = time.time()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=length + START_SECONDS)
        ended = time.time()
    if done.returncode:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise BenchmarkError(f"wrk ended with code {done.returncode}: {said}")
    return TimedRun(started, parse(done.stdout), ended)


def wrk_path() -> str:
    """Return where wrk is.

    Raises:
        BenchmarkError: it is not installed.
    """
    path = shutil.which("wrk")
    if path is None:
        raise BenchmarkError(
            "wrk is not installed; on Debian and Ubuntu run `apt install wrk`, on others see its site."
        )
    return path


def write_script(directory: Path, payloads: Sequence[Payload], headers: Mapping[str, str]) -> Path:
    """Write the payloads as files, which may hold any bytes, and the script that makes wrk send them."""
    adds = [
        f"  add({lua_string(payload.content_type)}, {lua_string(body)})"
        for payload, body in zip(payloads, written(payloads, directory), strict=True)
    ]
    more = "".join(f", [{lua_string(name)}] = {lua_string(value)}" for name, value in headers.items())
    script = directory / "requests.lua"
    script.write_text(_SCRIPT.format(adds="\n".join(adds), headers=more), encoding="utf-8")
    return script


def lua_string(text: str) -> str:
    """Return a Lua literal for a text, its bytes in UTF-8; whatever could end or change it is escaped."""
    return '"' + "".join(chr(byte) if _is_plain(byte) else f"\\{byte:03d}" for byte in text.encode()) + '"'


def parse(output: str) -> WrkResult:
    """Read what wrk printed.

    Raises:
        BenchmarkError: our script's line is not in it.
    """
    match = _RESULT.search(output)
    if match is None:
        raise BenchmarkError("wrk printed no result; is it version 4.0 or newer?")
    values = {name: int(value) for name, value in (pair.split("=") for pair in match[1].split())}
    return WrkResult(
        requests=values["requests"],
        seconds=values["duration"] / 1e6,
        p50_ms=values["p50"] / 1e3,
        p90_ms=values["p90"] / 1e3,
        p99_ms=values["p99"] / 1e3,
        max_ms=values["max"] / 1e3,
        failed_responses=values["status"],
        failed_connections=sum(values[kind] for kind in ("connect", "read", "write", "timeout")),
    )


def _is_plain(byte: int) -> bool:
    character = chr(byte)
    return character.isascii() and (character.isalnum() or character in "/._- ")
