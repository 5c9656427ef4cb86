"""Scripts for wrk and what it prints."""

# Lines as wrk writes them.
# ruff: noqa: E501

import hashlib
import http.server
import shutil
import threading
from typing import ClassVar

import pytest

from loadtest import wrk
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload

OUTPUT = """\
Running 2s test @ http://127.0.0.1:8000/faq/score
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    11.72ms    2.61ms  48.33ms   88.14%
    Req/Sec     1.31k   123.45     1.52k    70.00%
  2620 requests in 2.00s, 1.22MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 20
Requests/sec:   1309.41
Transfer/sec:    624.80KB
result requests=2620 duration=2000000 p50=11250 p90=14100 p99=21750 max=48330 connect=1 read=2 write=3 status=20 timeout=4
"""


def test_reads_what_wrk_printed():
    result = wrk.parse(OUTPUT)
    assert (result.p50_ms, result.p90_ms, result.p99_ms, result.max_ms) == (11.25, 14.1, 21.75, 48.33)
    assert result.requests_per_second == 1300
    assert result.failed_responses == 20
    assert result.failed_connections == 10
    assert result.errors == 30


def test_refuses_output_without_a_result():
    with pytest.raises(BenchmarkError, match="printed no result"):
        wrk.parse(OUTPUT.rpartition("result ")[0])


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("image/jpeg", '"image/jpeg"'),
        ('a"b', '"a\\034b"'),
        ("a\\n", '"a\\092n"'),
        ("a\nb\0", '"a\\010b\\000"'),
        ("é9", '"\\195\\1699"'),
        ("]] .. os.exit()", '"\\093\\093 .. os.exit\\040\\041"'),
    ],
)
def test_quotes_for_lua(text, literal):
    assert wrk.lua_string(text) == literal


def test_bodies_go_into_files_as_they_are(tmp_path):
    contents = [bytes(range(256)), b'"\r\n\0]]']
    script = wrk.write_script(tmp_path, [Payload(content, "image/jpeg") for content in contents], {"x-api-key": 'a"b'})
    assert [(tmp_path / f"{number}.body").read_bytes() for number in range(2)] == contents
    written = script.read_text(encoding="utf-8")
    assert written.count("  add(") == 2
    assert r'["Content-Type"] = content_type, ["x-api-key"] = "a\034b"}' in written


def test_says_how_to_get_wrk(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(BenchmarkError, match="apt install wrk"):
        wrk.wrk_path()


class _Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[set[tuple[str, str, str]]] = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.add((self.path, self.headers["content-type"], hashlib.sha256(body).hexdigest()))
        self.send_response(422 if body == b"bad" else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_sends_every_payload_and_counts_errors():
    payloads = [Payload(bytes(range(256)), "image/jpeg"), Payload(b'{"input": "\xc3\xa9"}', "application/json")]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/image/score"
    try:
        good = wrk.run(url, payloads, connections=2, seconds=1)
        bad = wrk.run(url, [Payload(b"bad", "text/plain")], connections=1, seconds=1)
    finally:
        server.shutdown()
        server.server_close()
    sent = {("/image/score", each.content_type, hashlib.sha256(each.content).hexdigest()) for each in payloads}
    assert sent <= _Recorder.seen
    assert good.requests > 0
    assert good.errors == 0
    assert bad.failed_responses == bad.requests > 0
    assert bad.requests_per_second == 0


def test_tells_that_nothing_answers():
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    with pytest.raises(BenchmarkError, match="wrk ended with code"):
        wrk.run("http://127.0.0.1:1/", [Payload(b"x", "text/plain")], connections=1, seconds=1)
