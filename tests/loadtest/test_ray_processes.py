"""Roles of processes."""

import os
import subprocess
import sys

import psutil
import pytest

from loadtest.ray_processes import CpuMeter, by_role, cpu_shares, memory, more_than_one, role_of


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


def test_a_process_counts_from_the_meters_start_and_a_new_one_from_its_own():
    watched = [psutil.Process(os.getpid())]
    before = sum(watched[0].cpu_times()[:2])
    meter = CpuMeter(lambda: watched)
    busy = subprocess.Popen([sys.executable, "-c", "sum(range(10**8)); input()"], stdin=subprocess.PIPE)
    watched.append(psutil.Process(busy.pid))
    try:
        while watched[1].cpu_times().user < 0.1:
            assert busy.poll() is None
        (_, own), (_, new) = meter.used()
    finally:
        busy.kill()
        busy.communicate()
    assert new >= 0.1
    assert 0 <= own <= sum(watched[0].cpu_times()[:2]) - before


def test_processes_of_a_role_add_up():
    assert by_role([("a", 1.0), ("b", 2.0), ("a", 0.5)]) == {"a": 1.5, "b": 2.0}


def test_only_deployments_with_several_replicas_are_named():
    assert more_than_one({"ingress": 2, "faq-1": 1, "a": 3}) == "3 a, 2 ingress"
    assert more_than_one({"ingress": 1}) == "one each"


def test_memory_of_this_process():
    (found,) = memory([psutil.Process(os.getpid())])
    assert 1 < found.unique <= found.resident
