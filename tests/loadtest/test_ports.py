import socket

from loadtest.ports import free_ports


def test_ports_are_free_and_none_that_systems_give_away():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_ports(1)[0]))
        found = free_ports(200)
        assert taken.getsockname()[1] not in found
    assert len(set(found)) == 200
    assert all(20_000 <= port < 30_000 for port in found)
