"""`scoring serve` as a user starts it."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from serve_app.layout import lay_out

ROOT = Path(__file__).parents[2]
SCORING = Path(sys.executable).with_name("scoring")
START_SECONDS = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(path, settings, **gateway):
    """Write a config file of a service; versions that name replicas become applications."""
    config = lay_out(settings)
    config["applications"][0] |= gateway
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


class Service:
    """`scoring serve` as a process, with what it prints."""

    def __init__(self, *arguments, environment=None, command=SCORING):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines = []
        self._queue = queue.Queue()
        self.process = subprocess.Popen(
            [command, "serve", "--port", str(self.port), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
            # A process group of its own, so that a test can press Ctrl-C.
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def _read(self):
        for line in self.process.stdout:
            self._queue.put(line)
        self._queue.put(None)

    def wait_for(self, text, seconds=START_SECONDS):
        until = time.monotonic() + seconds
        while not any(text in line for line in self.lines):
            try:
                line = self._queue.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no '{text}' after {seconds} s:\n{self.output}")
            if line is None:
                pytest.fail(f"ended without '{text}':\n{self.output}")
            self.lines.append(line)

    @property
    def output(self):
        while not self._queue.empty():
            line = self._queue.get()
            if line is not None:
                self.lines.append(line)
        return "".join(self.lines)

    def children(self, name=""):
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if name in process.name() + " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def replicas(self, deployment):
        return [each for each in self.children("ray::ServeReplica:") if f":{deployment}" in " ".join(each.cmdline())]

    def stop(self, number=signal.SIGTERM):
        """Stop the service and return the processes that it left behind."""
        started = self.children() if self.process.poll() is None else []
        if number == signal.SIGINT:
            # A terminal sends Ctrl-C to all processes of the group, Ray's among them.
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(120)
        _, left = psutil.wait_procs(started, timeout=1)
        for process in left:
            process.kill()
        return left
