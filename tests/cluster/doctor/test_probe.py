"""Against servers on the loopback address: real names, sockets, TLS."""

import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from cluster.doctor import probe

DATE = "Sat, 01 Jan 2000 00:00:00 GMT"


@contextmanager
def serving(handle, *, context=None):
    """Serve connections until the end; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) if context else connection as open_one:
                        handle(open_one)
                except OSError:
                    continue

        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def answer(connection):
    connection.recv(4096)
    connection.sendall(f"HTTP/1.1 401 Unauthorized\r\nDate: {DATE}\r\n\r\n".encode())


def target(port, **more):
    return {"host": "localhost", "port": port, "tls": False, "timeout_seconds": 5, "proxies": False, **more}


def test_a_port_that_listens_is_found():
    with serving(lambda connection: None) as port:
        found = probe.look(target(port))
    assert (found["step"], found["problem"]) == ("done", "")


def test_a_port_that_nobody_listens_on_is_told_from_a_name_that_is_not_known():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert probe.look(target(port))["step"] == "tcp"
    found = probe.look(target(443, host="no-such-host.invalid"))
    assert found["step"] == "dns"
    assert found["problem"]
    assert probe.look(target(443, host="a" * 300))["problem"]


def test_a_certificate_is_verified_and_its_end_and_the_clock_are_told(certify, server_context):
    context, file = server_context(certify("localhost", days=30))
    with serving(answer, context=context) as port:
        trusted = probe.look(target(port, tls=True, ca_file=file, clock=True))
        strange = probe.look(target(port, tls=True))
    assert trusted["step"] == "done"
    assert trusted["certificate_ends"] > 0
    # The server's clock stands in the year 2000.
    assert trusted["clock_ahead_seconds"] > 20 * 365 * 86400
    assert strange["step"] == "tls"
    assert "self" in strange["problem"]


@pytest.mark.parametrize(("name", "days", "problem"), [("other.test", 30, "mismatch"), ("localhost", -0.5, "expired")])
def test_what_is_wrong_with_a_certificate_is_told(certify, server_context, name, days, problem):
    context, file = server_context(certify(name, days=days))
    with serving(answer, context=context) as port:
        found = probe.look(target(port, tls=True, ca_file=file))
    assert found["step"] == "tls"
    assert problem in found["problem"]


def test_tls_goes_through_the_proxy_of_the_environment(monkeypatch):
    asked = []

    def refuse(connection):
        asked.append(connection.recv(4096).split(b"\r\n")[0])
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with serving(refuse) as port:
        monkeypatch.setenv("https_proxy", f"http://localhost:{port}")
        monkeypatch.setenv("no_proxy", "")
        found = probe.look(target(443, host="weights.test", tls=True, proxies=True))
    assert asked == [b"CONNECT weights.test:443 HTTP/1.1"]
    assert found["step"] == "proxy"
    assert "403" in found["problem"]


def test_its_text_alone_runs_as_a_program():
    import inspect

    with serving(lambda connection: None) as port:
        command = [sys.executable, "-I", "-S", "-c", inspect.getsource(probe), json.dumps([target(port)])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    line = done.stdout.strip().removeprefix(probe.MARK)
    assert json.loads(line)["found"][0]["step"] == "done"
