import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadtest.generator.processes import Crew, session


class Server(ThreadingHTTPServer):
    """Answers POST by what the body says, keeps what it was sent, and stalls when it is told to."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.stall_after, self.stall_seconds, self.first = None, 0.0, None
        self.over = threading.Event()
        self.seen = []
        self.asked = []
        self.descriptions = {}

    def stall(self, after, seconds):
        self.over.set()
        self.over = threading.Event()
        self.stall_after, self.stall_seconds, self.first = after, seconds, None

    def wait(self):
        if self.stall_after is None:
            return
        self.first = self.first or time.monotonic()
        begins = self.first + self.stall_after
        if time.monotonic() >= begins:
            self.over.wait(max(begins + self.stall_seconds - time.monotonic(), 0))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together.
    wbufsize = -1

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers.items())))
        content = self.server.descriptions.get(self.path, b"{}")
        self.answer(404 if content is None else 200, content or b"{}")

    def do_POST(self):
        length = int(self.headers["content-length"])
        if length > 2**30:
            self.close_connection = True
            self.answer(413)
            return
        body = self.rfile.read(length)
        self.server.seen.append((self.path, dict(self.headers.items()), body))
        self.server.wait()
        if body == b"hang up":
            self.close_connection = True
            return
        status = int(body) if body.isdigit() else 200
        self.answer(400 if body == b"{" or (self.path == "/faq/score" and not is_question(body)) else status)

    def answer(self, status, content=b"{}"):
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def is_question(body):
    try:
        return isinstance(json.loads(body)["input"], str)
    except (ValueError, KeyError):
        return False


@pytest.fixture
def server():
    found = Server()
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """One process that plans and two that send, with a key; for one run after the other."""
    key = tmp_path_factory.mktemp("keys") / "key"
    key.write_text("secret-of-a-test\n")
    with session(Crew(local=2, key_file=key)) as found:
        yield found
