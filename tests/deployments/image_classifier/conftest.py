import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torchvision

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory):
    """What fixtures of a wider scope keep, is kept here."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        directory = tmp_path_factory.mktemp("session-cache")
        monkeypatch.setenv("SCORING_CACHE", str(directory))
        yield directory


@pytest.fixture(autouse=True)
def cache(session_cache, tmp_path, monkeypatch):
    """Every test has a cache of its own; returns the directory of weights in it."""
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture(scope="session")
def squeezenet(tmp_path_factory):
    """Path of a small state dict, the smallest of torchvision's."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    return path


class FileServer(ThreadingHTTPServer):
    """Serves bytes by path on loopback, and counts requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FileHandler)
        self.files = {}
        self.asked = []
        self.cut = None

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class FileHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def shared_data(find_shared):
    """Directory with real weights and photos, which are no part of the project."""
    return find_shared("weights/mobilenet_v2.pth").parents[1]


@pytest.fixture
def run_python():
    """Run lines of Python in an interpreter of their own; returns the completed process."""

    def run(code):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    return run
