import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadtest import open_loop
from loadtest.memory_over_time import MemoryOverTime
from loadtest.open_loop import Generator, Requests, Timed, _Load
from loadtest.overload import one_replica_each
from loadtest.overload_figures import Overload, percentile, recovery_seconds, report
from loadtest.overload_plot import draw
from loadtest.payloads import Payload

PAYLOADS = [Payload(b"x", "text/plain"), Payload(b"yy", "text/plain")]


def found():
    memory = MemoryOverTime(at=[1.0, 11.0, 19.0], total=[100.0, 110.0, 112.0])
    capacity = [Timed(at, at + 0.1, 200) for at in range(10)]
    overload = [Timed(10 + n / 10, 10 + n / 10 + 0.2, 200) for n in range(10)]
    overload += [Timed(10 + n / 10, 10 + n / 10 + 0.01, 503) for n in range(100)] + [Timed(15, 16, 0)]
    after = [Timed(20 + n, 20 + n + (0.5 if n == 2 else 0.05), 200) for n in range(6)]
    return Overload(capacity, overload, after, [Timed(12, 12.01, 200), Timed(13, 13.02, 503)], memory)


def test_the_report_tells_answers_from_refusals_and_failures():
    rows = dict(report("image", found(), clients=32, factor=10).rows)
    assert rows["Answers: median / p99 in overload, ms"] == "200 / 200"
    assert rows["p99 in overload / at capacity"] == "2.00"
    assert rows["Refusals: median / p99, ms"] == "10 / 10"
    assert rows["Requests refused"] == "100 of 111"
    assert rows["Requests that failed otherwise"] == "1"
    assert rows["Health checks that failed"] == "1 of 2"
    assert rows["Memory before, MiB"] == "100"
    assert rows["Memory in the first / last quarter of the overload, MiB"] == "110 / 112"
    assert rows["Until answers took no longer than at capacity, s"] == "2.5"


@pytest.mark.parametrize(("poor", "wanted"), [([], 0.0), ([0], 0.3), ([0, 3], 3.3), ([5], None)])
def test_recovery_ends_with_the_last_poor_answer(poor, wanted):
    after = [Timed(at, at + 0.3, 503 if at in poor else 200) for at in range(6)]
    assert recovery_seconds(after, 400) == (None if wanted is None else pytest.approx(wanted))


def test_percentiles_are_of_the_slowest():
    times = [Timed(0, n / 1000, 200) for n in range(1, 101)]
    assert (percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1)) == (51, 100, 100)
    assert percentile([], 0.99) == 0


def test_stages_keep_their_queues_and_have_one_replica():
    given = {
        "applications": [
            {
                "args": {
                    "models": [
                        {
                            "kind": "image_classifier",
                            "versions": [{"scaling": {"max_queued_requests": 3, "max_replicas": 4}}],
                        }
                    ]
                }
            }
        ]
    }
    config, name = one_replica_each(given, "image_classifier")
    args = config["applications"][0]["args"]
    version = args["models"][0]["versions"][0]
    assert name == "image"
    assert version["scaling"] == {
        "max_concurrent_requests": 8,
        "max_queued_requests": 3,
        "min_replicas": 1,
        "max_replicas": 1,
    }
    assert version["preprocess_scaling"]["max_replicas"] == args["ingress"]["scaling"]["max_replicas"] == 1


def test_a_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    draw(found(), tmp_path / "overload.svg")
    assert "</svg>" in (tmp_path / "overload.svg").read_text()


class Server:
    """Answers with the statuses that it is given, in turn; waits for the gate first."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.bodies = []
        self.connections = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/x"
        return self

    async def __aexit__(self, *_error):
        self._server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        while self.statuses:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except asyncio.IncompleteReadError:
                break
            self.bodies.append(await reader.readexactly(int(head.split("content-length: ")[1].split()[0])))
            await self.gate.wait()
            status = self.statuses.pop(0)
            if not status:
                break
            close = "Connection: close\r\n" if status == 503 else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{close}Content-Length: 5\r\n\r\nhe".encode())
            await writer.drain()
            writer.write(b"llo")
            if close:
                break
        writer.close()


async def test_clients_note_the_status_of_every_answer_and_use_connections_again():
    async with Server(200, 503, 200, 0, 200) as server:
        load = _Load(Requests(server.url, PAYLOADS))
        done = [(await load._one(0.0), load._done[-1].status)[1] for _ in range(5)]
    assert done == [200, 503, 200, open_loop.CLOSED, 200]
    assert server.bodies == [b"x", b"yy", b"x", b"yy", b"x"]
    assert server.connections == 3


async def test_a_new_connection_that_ends_is_no_closed_one():
    async with Server(0) as server:
        load = _Load(Requests(server.url, PAYLOADS))
        await load._one(0.0)
    assert load._done[-1].status == open_loop.NO_ANSWER


async def test_requests_come_at_their_rate_and_no_more_wait_than_there_are_clients():
    async with Server(*[200] * 1000) as server:
        server.gate.clear()
        load = asyncio.create_task(_Load(Requests(server.url, PAYLOADS)).paced(1000, 7, 0.1))
        while len(server.bodies) < 7:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        server.gate.set()
        assert len(await load) == 7


def test_load_has_headers_and_ends_when_it_is_told():
    heads = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            heads.append(self.headers["x-api-key"])
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    generator = Generator({"x-api-key": "k"})
    url = f"http://127.0.0.1:{server.server_port}/x"
    running = generator.paced(url, PAYLOADS, rate=50, clients=9, seconds=600)
    while len(heads) < 3:
        assert not running.done()
    generator.end()
    done = running.result(30)
    generator.stop()
    server.shutdown()
    assert {each.status for each in done} == {200}
    assert heads == ["k"] * len(done)
