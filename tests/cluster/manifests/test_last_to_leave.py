import os
import socket
import subprocess
import sys

import pytest

from cluster.manifests import last_to_leave
from cluster.manifests.last_to_leave import QUIET_POLLS, wait, workers_connected

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
OWN, OTHER = "1900F40A", "1A00F40A"


def line(local, remote, state="01", port="18EB"):
    return f"   0: {local}:{port} {remote}:D2A4 {state} 00000000:00000000 00:00000000 00000000  1000        0 1\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], False),
        ([line(OWN, OTHER)], True),
        ([line("0000000000000000FFFF0000" + OWN, "0000000000000000FFFF0000" + OTHER)], True),
        ([line(OWN, OWN)], False),
        ([line("0100007F", "0100007F")], False),
        ([line(OWN, OTHER, state="06")], False),
        ([line(OWN, OTHER, port="1F40")], False),
        ([line(OWN, OWN), line(OWN, OTHER)], True),
    ],
)
def test_who_is_connected_from_outside(tmp_path, lines, expected):
    table = tmp_path / "tcp"
    table.write_text(HEAD + "".join(lines))
    assert workers_connected(0x18EB, (table, tmp_path / "no-tcp6")) is expected


def test_a_real_table_is_read():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert workers_connected(server.getsockname()[1]) is False


@pytest.mark.parametrize(("answers", "asked"), [([False] * 9, 3), ([True, False, True, False, False, False], 6)])
def test_it_leaves_when_nobody_was_there_for_a_while(monkeypatch, answers, asked):
    monkeypatch.setattr(last_to_leave, "POLL_SECONDS", 0)
    polls = iter(answers)
    seen = []
    wait(6379, 60, lambda port: seen.append(port) or next(polls))
    assert len(seen) == asked
    assert QUIET_POLLS == 3


def test_it_does_not_stay_for_ever(monkeypatch):
    monkeypatch.setattr(last_to_leave, "POLL_SECONDS", 0)
    wait(6379, 0.01, lambda _: True)


def test_it_runs_as_a_program_without_any_other_package():
    command = [sys.executable, "-S", "-m", "cluster.manifests.last_to_leave", "6379", "0"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109 - the repository's root
    assert subprocess.run(command, env=environment, check=False, timeout=60).returncode == 0
