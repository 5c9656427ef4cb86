"""Roles of processes."""

import os
import subprocess
import sys

import psutil
import pytest

from loadtest.ray_processes import cpu_shares, memory, role_of


@pytest.mark.parametrize(
    ("arguments", "role"),
    [
        (["ray::ServeReplica:scoring:faq-1"], "replica faq-1"),
        (["ray::ServeReplica:scoring:faq-v1.2"], "replica faq-v1.2"),
        (["ray::ServeReplica:scoring:faq-1.check_health"], "replica faq-1"),
        (
            ["ray::SERVE_REPLICA::scoring#ingress#ac35fc2v:ServeReplica:scoring:ingress.__init__"],
            "replica ingress (starting)",
        ),
        (["ray::ServeController"], "Serve controller"),
        (["ray::ServeController.listen_for_change"], "Serve controller"),
        (["/x/ray/core/src/ray/raylet/raylet", "--raylet_socket_name=x"], "Ray raylet"),
        (["/x/python", "-u", "/x/ray/_private/log_monitor.py", "--session-dir=x"], "Ray log monitor"),
        (["/x/haproxy", "-db", "-f", "haproxy.cfg"], "HAProxy"),
        (["/bin/sleep", "1"], ""),
        ([], ""),
    ],
)
def test_roles(arguments, role):
    assert role_of(arguments) == role


def test_a_busy_process_takes_more_than_a_waiting_one():
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    waiting = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        watched = [psutil.Process(busy.pid), psutil.Process(waiting.pid)]
        shares = cpu_shares(lambda: watched, 0.5)
    finally:
        for process in (busy, waiting):
            process.kill()
            process.communicate()
    assert [share for _, share in shares] == sorted((share for _, share in shares), reverse=True)
    assert shares[0][1] > 0.1


def test_memory_of_this_process():
    (found,) = memory([psutil.Process(os.getpid())])
    assert 1 < found.unique <= found.resident
