import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from serve_app import processes

IGNORES_SIGTERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True)"
SLEEPS = "import time; print('x', flush=True); time.sleep(60)"


@pytest.fixture
def spawn():
    """Starts Python programs, and leaves none behind."""
    spawned = []

    def spawn(program, executable=sys.executable):
        child = subprocess.Popen([executable, "-c", program], stdout=subprocess.PIPE)
        spawned.append(child)
        child.stdout.readline()
        return psutil.Process(child.pid)

    yield spawn
    for child in spawned:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture
def named(tmp_path):
    """An executable that shows up under another name."""

    def named(name):
        path = tmp_path / name
        path.symlink_to(sys.executable)
        return str(path)

    return named


def is_gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_descendants_are_children_and_their_children(spawn):
    before = set(processes.descendants())
    program = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]); p.wait()"
    child = spawn(program)
    started = set(processes.descendants()) - before
    assert child in started
    (grandchild,) = started - {child}
    assert grandchild.ppid() == child.pid
    grandchild.kill()


def test_ending_waits_for_what_ends_by_itself(spawn):
    child = spawn("import time; print('x', flush=True); time.sleep(0.3)")
    processes.end([child])
    assert is_gone(child)


def test_ending_ends_what_ignores_being_asked(spawn, monkeypatch):
    monkeypatch.setattr(processes, "END_SECONDS", 0.2)
    child = spawn(f"{IGNORES_SIGTERM}; time.sleep(60)")
    child.terminate()
    started = time.monotonic()
    processes.end([child])
    assert is_gone(child)
    assert time.monotonic() - started < 5


def test_ending_nothing_or_what_has_gone_takes_no_time(spawn):
    processes.end([])
    child = spawn(SLEEPS)
    child.kill()
    child.wait()
    processes.end([child])


def test_a_process_that_ended_meanwhile_is_no_error(spawn):
    child = spawn(SLEEPS)
    child.kill()
    child.wait()
    processes._send(child, signal.SIGKILL)
    assert not processes._runs(child, "python")


def test_rays_node_manager_is_known_by_its_name(spawn, named):
    assert processes.of_ray() == []
    child = spawn(SLEEPS, named("raylet"))
    assert processes.of_ray() == [child]
    child.kill()
    time.sleep(0.1)
    # Nobody has waited for it yet.
    assert processes.of_ray() == []


def test_without_haproxy_nothing_is_drained():
    assert processes.drain_haproxy(5) is False


def test_haproxy_is_asked_to_finish_and_waited_for(spawn, named):
    finishes = "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: time.sleep(0.3) or exit(7))\n" + SLEEPS
    child = spawn(finishes, named("haproxy"))
    assert processes.drain_haproxy(10) is True
    assert is_gone(child)


def test_haproxy_gets_only_so_long(spawn, named):
    stays = f"import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n{SLEEPS}"
    child = spawn(stays, named("haproxy"))
    assert processes.drain_haproxy(0.1) is True
    assert not is_gone(child)


def test_processes_of_others_are_left_alone(spawn):
    assert os.getpid() not in {process.pid for process in processes.descendants()}
    assert os.getppid() not in {process.pid for process in processes.descendants()}
