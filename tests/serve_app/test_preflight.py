import errno
import socket
from types import SimpleNamespace

import pytest

from deployments.errors import StartupError
from deployments.faq_matcher.kind import MEMORY_MB as MATCHER_MB
from deployments.image_classifier.kind import CLASSIFIER_MB, PREPROCESS_MB
from serve_app import preflight
from serve_app.config_file import read_config
from serve_app.preflight import (
    MEBIBYTE,
    RAY_MB,
    check_grpc_port,
    check_memory,
    check_port,
    memory_available_mb,
    memory_needed_mb,
)
from serve_app.settings import parse_settings


def refusal(check, *arguments):
    with pytest.raises(StartupError) as raised:
        check(*arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# The port


@pytest.fixture(params=["127.0.0.1", "::1"])
def taken(request):
    """An address that another program listens on."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        listener = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip(f"This machine has no {request.param}.")
    with listener:
        yield listener.getsockname()[:2]


def test_a_taken_port_is_named(taken):
    host, port = taken
    message = refusal(check_port, host, port)
    assert message == f"Port {port} on {host} is taken; stop what uses it, or choose another with --port."


def test_a_port_taken_on_one_address_is_taken_on_all(taken):
    host, port = taken
    assert "is taken" in refusal(check_port, "::" if ":" in host else "0.0.0.0", port)


def test_a_free_port_is_fine_and_stays_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for _ in range(2):
        check_port("127.0.0.1", port)
        check_port("localhost", port)
        check_port("0.0.0.0", port)


def test_a_port_whose_last_connections_linger_is_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            accepted.close()
    check_port("127.0.0.1", port)


def config_of(port, grpc_port):
    return read_config(None).listening_on("127.0.0.1", port).with_grpc(grpc_port)


def test_a_taken_port_for_grpc_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        message = refusal(check_grpc_port, config_of(port - 1, port))
    assert message == f"Port {port} on 127.0.0.1 is taken; stop what uses it, or choose another with --grpc-port."
    check_grpc_port(config_of(port - 1, port))


def test_http_and_grpc_have_ports_of_their_own():
    message = refusal(check_grpc_port, config_of(7000, 7000))
    assert message == "HTTP and gRPC cannot both use port 7000; choose another with --grpc-port."


def test_without_grpc_no_port_is_needed():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check_grpc_port(config_of(listener.getsockname()[1], None))


def test_an_unknown_host_is_named(monkeypatch):
    def nobody_knows(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", nobody_knows)
    assert refusal(check_port, "my-machine", 8000) == (
        "The host my-machine is not known; use an address of this machine such as 127.0.0.1."
    )


@pytest.mark.parametrize("host", ["", "a..b", "x" * 70])
def test_what_is_no_host_name_is_refused(host):
    assert refusal(check_port, host, 8000).startswith(f"The host {host} is not known")


@pytest.mark.parametrize("host", ["192.0.2.77", "2001:db8::77"])
def test_an_address_of_another_machine_is_refused(host):
    message = refusal(check_port, host, 8000)
    assert f"cannot listen on {host}" in message or f"The host {host} is not known" in message
    assert "127.0.0.1" in message


def test_a_port_for_root_alone_is_explained(monkeypatch):
    class Guarded(socket.socket):
        """As for a user who is not root, whoever runs the tests."""

        def bind(self, address):
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("socket.socket", Guarded)
    assert refusal(check_port, "127.0.0.1", 80) == (
        "Port 80 may not be used by this user; choose one above 1023 with --port."
    )


# Memory


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Sets how many MiB are free; the control group stands in the directory that it returns."""
    monkeypatch.setattr(preflight, "CONTROL_GROUP", tmp_path)

    def free(megabytes):
        memory = SimpleNamespace(available=megabytes * MEBIBYTE + MEBIBYTE // 2)
        monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
        return tmp_path

    return free


def limit(group, maximum, current, inactive=0):
    (group / "memory.max").write_text(f"{maximum}\n")
    (group / "memory.current").write_text(f"{current}\n")
    (group / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\n")


def test_without_a_control_group_the_machine_counts(machine):
    machine(5000)
    assert memory_available_mb() == 5000


def test_a_control_group_without_a_limit_does_not_count(machine):
    limit(machine(5000), "max", 1)
    assert memory_available_mb() == 5000


def test_a_control_group_with_less_counts(machine):
    limit(machine(5000), 1000 * MEBIBYTE, 400 * MEBIBYTE)
    assert memory_available_mb() == 600


def test_a_control_group_with_more_than_the_machine_does_not_count(machine):
    limit(machine(500), 9000 * MEBIBYTE, 0)
    assert memory_available_mb() == 500


def test_files_that_were_read_do_not_count_as_used(machine):
    limit(machine(5000), 1000 * MEBIBYTE, 900 * MEBIBYTE, inactive=300 * MEBIBYTE)
    assert memory_available_mb() == 400


def test_files_that_make_no_sense_do_not_count(machine):
    limit(machine(5000), "much", "more")
    assert memory_available_mb() == 5000


def scaled(replicas):
    return {"min_replicas": replicas, "max_replicas": replicas + 5}


def faq_models(*versions):
    return {"models": [{"kind": "faq_matcher", "versions": [*versions]}]}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, RAY_MB + MATCHER_MB + CLASSIFIER_MB + PREPROCESS_MB),
        ({"models": [{"kind": "faq_matcher"}]}, RAY_MB + MATCHER_MB),
        (
            {
                "models": [
                    {
                        "kind": "faq_matcher",
                        "versions": [{"name": "1"}, {"name": "2", "application": "b", "scaling": scaled(3)}],
                    }
                ]
            },
            RAY_MB + 4 * MATCHER_MB,
        ),
        (
            {
                "models": [
                    {
                        "kind": "image_classifier",
                        "versions": [{"application": "a", "scaling": scaled(2), "preprocess_scaling": scaled(3)}],
                    }
                ]
            },
            RAY_MB + 2 * CLASSIFIER_MB + 3 * PREPROCESS_MB,
        ),
    ],
)
def test_memory_is_needed_for_the_smallest_number_of_replicas(args, expected):
    assert memory_needed_mb(parse_settings(args, {})) == expected


def test_too_little_memory_is_told_with_both_figures(machine):
    settings = parse_settings({}, {})
    needed = memory_needed_mb(settings)
    machine(needed)
    check_memory(settings)
    machine(needed - 1)
    message = refusal(check_memory, settings)
    assert f"need about {needed} MB" in message
    assert f"{needed - 1} MB are free" in message
