import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loadtest import open_loop
from loadtest.open_loop import Generator, Requests, _Load
from loadtest.payloads import Payload

PAYLOADS = [Payload(b"x", "text/plain"), Payload(b"yy", "text/plain")]


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
