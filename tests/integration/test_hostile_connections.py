"""What no HTTP client sends, straight to the socket of a running service."""

import socket

import pytest

BODY = b'{"input": "Another program uses port 8000.", "top_k": 1}'
# Asks for a connection that ends, so that everything the service has to say is there.
POST = b"POST /faq/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = b"%d" % len(BODY)
SMUGGLED = b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

REFUSED = {
    "no HTTP": b"\x00\x01\x02\xff\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "10,000 header lines": GET + b"".join(b"a%d: b\r\n" % line for line in range(10_000)) + b"\r\n",
    "a line of 100 KB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header of 200 KB": GET + b"a: " + b"a" * 200_000 + b"\r\n\r\n",
    "NUL in a header": GET + b"a: b\x00c\r\n\r\n",
    "a host in the target that is not the host": b"GET http://evil/version HTTP/1.1\r\nHost: x\r\n\r\n",
    "chunks that are no numbers": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a chunk of negative length": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk of 16 exabytes": CHUNKED + b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: " + LENGTH + b"\r\nContent-Length: 5\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length that is no number": POST + b"Content-Length: 2e1\r\n\r\n" + BODY,
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\n" + BODY,
    "a length with a sign": POST + b"Content-Length: +" + LENGTH + b"\r\n\r\n" + BODY,
    "an unknown transfer encoding": POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n" + BODY,
    "two transfer encodings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a space before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
}

# What one proxy may take for one request and the next for two; each is answered as one.
ONE_ANSWER = {
    "chunks and a length that ends before them": (
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        b"200",
    ),
    "a request behind a body without a length": (POST + b"\r\n" + SMUGGLED, b"400"),
    "a request behind the body": (POST + b"Content-Length: " + LENGTH + b"\r\n\r\n" + BODY + SMUGGLED, b"200"),
    "a request in a header": (GET + b"a: b\r\n " + SMUGGLED.strip().replace(b"\r\n", b"\r\n ") + b"\r\n\r\n", b"200"),
    "HTTP/1.0 with chunks": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n" + SMUGGLED, b"400"),
    "an upgrade to HTTP/2": (
        GET.replace(b"close", b"close, Upgrade, HTTP2-Settings")
        + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        b"200",
    ),
    "a path out of the assets": (
        b"GET /docs/assets/..%2f..%2f..%2f../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"404",
    ),
    "CONNECT": (b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\nConnection: close\r\n\r\n", b"404"),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-api-key: secret\r\n\r\n", b"405"),
}


def connect(service):
    return socket.create_connection(("127.0.0.1", service.port), timeout=60)


def exchange(service, sent, *, hang_up=False):
    """Send bytes and return all that comes back until the service closes the connection."""
    received = b""
    with connect(service) as connection:
        try:
            connection.sendall(sent)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused and closed before all of it was sent
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass  # the service closed with bytes of ours unread
    return received


@pytest.fixture
def unharmed(service, client):
    """The same processes answer after the test."""
    before = sorted(process.pid for process in service.replicas(""))
    yield
    assert client.post("/faq/score", content=BODY, headers={"content-type": "application/json"}).status_code == 200
    assert sorted(process.pid for process in service.replicas("")) == before


def assert_tells_nothing(answer):
    for leak in (b"Traceback", b'File "', b"site-packages", b"secret", b"root:"):
        assert leak not in answer


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused(service, name):
    answer = exchange(service, REFUSED[name])
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.") == 1
    assert_tells_nothing(answer)


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", ONE_ANSWER)
def test_what_could_be_two_requests_is_one(service, name):
    sent, status = ONE_ANSWER[name]
    answer = exchange(service, sent)
    assert answer.startswith(b"HTTP/1.1 " + status + b" "), answer
    assert answer.count(b"HTTP/1.") == 1
    assert_tells_nothing(answer)


@pytest.mark.usefixtures("unharmed")
def test_a_body_that_breaks_off_is_not_answered_as_if_it_were_whole(service):
    answer = exchange(service, POST + b"Content-Length: 5000\r\n\r\n" + BODY, hang_up=True)
    assert b" 200 " not in answer
    assert_tells_nothing(answer)


@pytest.mark.usefixtures("unharmed")
def test_a_header_that_breaks_off_is_refused(service):
    answer = exchange(service, b"POST /faq/score HTTP/1.1\r\nHost:", hang_up=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert_tells_nothing(answer)


@pytest.mark.usefixtures("unharmed")
def test_requests_in_a_row_on_one_connection_are_answered_in_order(service):
    ask = b"GET %s HTTP/1.1\r\nHost: x\r\nx-request-id: %d\r\n%s\r\n"
    sent = b"".join(ask % (b"/", number, b"") for number in range(49)) + ask % (b"/", 49, b"Connection: close\r\n")
    answer = exchange(service, sent)
    assert answer.count(b"HTTP/1.1 200 OK") == 50
    places = [answer.index(b"x-request-id: %d\r\n" % number) for number in range(50)]
    assert places == sorted(places)


@pytest.mark.usefixtures("unharmed")
def test_others_are_answered_beside_connections_that_never_finish_their_header(service, client):
    connections = [connect(service) for _ in range(500)]
    try:
        for connection in connections:
            connection.sendall(b"POST /faq/score HTTP/1.1\r\nHost: x\r\nx-slow: ")
        for _ in range(20):
            assert client.get("/").text == "Healthy"
    finally:
        for connection in connections:
            connection.close()
