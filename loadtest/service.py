"""A service under test: started as a process of its own, asked over HTTP, stopped with SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import yaml

from loadtest.configs import Config, application_name, laid_out
from loadtest.errors import BenchmarkError
from loadtest.ports import free_port

READY = "Ready:"
START_SECONDS = 1800
STOP_SECONDS = 120

# A person's proxies must not stand between a benchmark and its service.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service:
    """A running service.

    Attributes:
        application: name of the application that it serves.
        url: where it answers.
        pid: its process, the one that takes signals.
        lines: what it has printed, with the seconds since it was started.
        ready_seconds: from start to the line that says it is ready.
    """

    def __init__(self, process: subprocess.Popen[str], application: str) -> None:
        self.application = application
        self.url = ""
        self.pid = process.pid
        self.lines: list[tuple[float, str]] = []
        self.ready_seconds = 0.0
        self._process = process
        self._started = time.monotonic()
        self._ready = threading.Event()
        # It ends with the process, whose output must be read all the time.
        threading.Thread(target=self._read, daemon=True).start()

    def wait_until_ready(self) -> None:
        """Return when the service has said that it is ready.

        Raises:
            BenchmarkError: it ended, or took too long.
        """
        if not self._ready.wait(START_SECONDS):
            raise BenchmarkError(f"The service was not ready after {START_SECONDS // 60} minutes.")
        if not self.url:
            said = " ".join(line for _, line in self.lines[-3:]) or "it said nothing"
            raise BenchmarkError(f"The service did not start: {said}")

    def processes(self) -> list[psutil.Process]:
        """Return the service's process and all that it has started."""
        process = psutil.Process(self.pid)
        return [process, *process.children(recursive=True)]

    def serves(self, model: str) -> bool:
        """Whether the service has a model of this name."""
        try:
            with _OPENER.open(f"{self.url}/v2/models/{model}", timeout=30):
                return True
        except OSError:
            return False

    def terminate(self) -> None:
        """Ask the service to drain and stop, without waiting."""
        self._process.send_signal(signal.SIGTERM)

    def wait_until_stopped(self) -> None:
        """Return when the service's process has ended.

        Raises:
            BenchmarkError: it does not end by itself.
        """
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"The service did not stop within {STOP_SECONDS} s of SIGTERM.") from None

    def stop(self) -> None:
        """Stop the service, with SIGKILL where it does not stop by itself."""
        if self._process.poll() is not None:
            return
        started = self.processes()
        self.terminate()
        try:
            self.wait_until_stopped()
        finally:
            for process in started:
                if process.is_running():
                    process.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - always a pipe
        for line in self._process.stdout:
            self.lines.append((time.monotonic() - self._started, line.strip()))
            if line.startswith(READY):
                self.ready_seconds = time.monotonic() - self._started
                self.url = line.removeprefix(READY).strip()
                self._ready.set()
        self._ready.set()


@contextmanager
def running(
    command: Sequence[str], *, application: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start a command that prints `Ready: <url>` once it serves; after the block it is stopped.

    Raises:
        BenchmarkError: it did not start or did not stop.
    """
    # A session of its own: Ctrl-C reaches the benchmark alone, which stops the service.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    service = Service(process, application)
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


@contextmanager
def serving(
    config: Config, *, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Serve a config on a free port of this machine.

    Args:
        config: the config file's content.
        command: starts the service when `--config FILE --port PORT` follow; `scoring serve` if left out.
        environment: variables beside those of this process.

    Raises:
        BenchmarkError: it did not start or did not stop.
    """
    with TemporaryDirectory(prefix="loadtest-") as directory:
        file = Path(directory) / "config.yaml"
        file.write_text(yaml.safe_dump(laid_out(config)), encoding="utf-8")
        options = ["--config", str(file), "--port", str(free_port())]
        words = [*(command or scoring_serve()), *options]
        with running(words, application=application_name(config), environment=environment) as service:
            yield service


def scoring_serve() -> list[str]:
    """Return the command of the environment that this Python belongs to.

    Raises:
        BenchmarkError: it is not installed.
    """
    beside = Path(sys.executable).with_name("scoring")
    found = str(beside) if beside.exists() else shutil.which("scoring")
    if found is None:
        raise BenchmarkError("The command scoring is not installed.")
    return [found, "serve"]


def post(url: str, content: bytes, content_type: str) -> tuple[Any, http.client.HTTPMessage]:
    """Send one request, and return the JSON that came and its headers.

    Raises:
        BenchmarkError: the response is not a successful one.
    """
    request = urllib.request.Request(url, content, {"content-type": content_type})  # noqa: S310 - our own service
    return _answer(request)


def get(url: str) -> Any:
    """Ask for something, and return the JSON that came.

    Raises:
        BenchmarkError: the response is not a successful one.
    """
    return _answer(urllib.request.Request(url))[0]  # noqa: S310 - our own service


def _answer(request: urllib.request.Request) -> tuple[Any, http.client.HTTPMessage]:
    try:
        with _OPENER.open(request, timeout=120) as response:
            return json.load(response), response.headers
    except OSError as error:
        raise BenchmarkError(f"{request.full_url} does not answer as it should: {error}.") from None
