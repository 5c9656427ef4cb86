"""Ports of this machine."""

import socket

from loadtest.ports import free_ports

ALL = range(20_000, 30_000)


def test_ports_are_free_and_none_that_systems_give_away():
    chosen, used = free_ports(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", used))
        found = free_ports(len(ALL), beside=[chosen])
    assert len(set(found)) == len(found) > 9_000
    assert set(found) <= set(ALL) - {chosen, used}
