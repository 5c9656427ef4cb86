"""A Redis of a test's own."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from services import free_port

PASSWORD = "s3cret/of@redis"  # noqa: S105 - of a test
QUOTED = "s3cret%2Fof%40redis"


class RedisServer:
    """`redis-server` on the loopback address, with a password; it keeps nothing."""

    def __init__(self):
        self.port = free_port()
        self.url = f"redis://:{QUOTED}@127.0.0.1:{self.port}/1"
        self.process = None
        self.start()

    def start(self):
        command = shutil.which("redis-server")
        if command is None:
            pytest.skip("redis-server is not installed (Debian: redis-server)")
        settings = {"port": self.port, "bind": "127.0.0.1", "requirepass": PASSWORD, "save": "", "appendonly": "no"}
        arguments = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
        self.process = subprocess.Popen([command, *arguments], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        pytest.fail("redis-server did not start")

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def freeze(self):
        """Answer nothing, with connections open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
