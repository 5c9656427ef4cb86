import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deployments.ingress.access.private_files import UnsafeFile, locked, read_private, replace_private


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_its_owners_alone(tmp_path):
    with locked(tmp_path / "a" / "b"):
        replace_private(tmp_path / "a" / "b" / "f", b"x")
    assert read_private(tmp_path / "a" / "b" / "f") == b"x"
    assert mode(tmp_path / "a" / "b" / "f") == 0o600
    assert mode(tmp_path / "a" / "b") == 0o700


def test_a_file_is_replaced_and_keeps_who_may_read_it(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o664)
    with path.open("rb") as before:
        replace_private(path, b"new")
        assert before.read() == b"old"
    assert read_private(path) == b"new"
    assert mode(path) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "f"
    replace_private(path, b"old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        replace_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_what_everybody_may_write_is_not_read(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    path.chmod(0o602)
    with pytest.raises(UnsafeFile, match="everybody may write"):
        read_private(path)


def test_a_device_is_no_file():
    with pytest.raises(UnsafeFile):
        read_private(Path("/dev/null"))


def test_writers_come_one_after_the_other(tmp_path):
    inside, most = 0, 0
    both = threading.Lock()

    def write():
        nonlocal inside, most
        for _ in range(30):
            with locked(tmp_path):
                with both:
                    inside += 1
                    most = max(most, inside)
                with both:
                    inside -= 1

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_writer_that_was_killed_locks_nobody_out(tmp_path):
    program = f"""
import os, sys
from pathlib import Path
from deployments.ingress.access.private_files import locked
with locked(Path({str(tmp_path)!r})):
    print("locked", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "locked\n"
        other.kill()
    with locked(tmp_path):
        pass
