import asyncio
import logging
import os
import threading

import pytest

from deployments.ingress.access import watched
from deployments.ingress.access.watched import LOOK_SECONDS, Watched


@pytest.fixture
def path(tmp_path):
    return tmp_path / "f"


@pytest.fixture
def following(path, clock):
    return Watched(path, int, clock)


@pytest.fixture
def later(following, clock):
    """What is followed, after another look."""

    async def later():
        clock.now += LOOK_SECONDS
        return await following.current()

    return later


async def test_a_change_is_seen_by_the_next_look_and_not_before(path, following, later):
    path.write_text("1")
    assert await following.current() == 1
    path.write_text("2")
    assert await following.current() == 1
    assert await later() == 2


async def test_a_change_of_the_same_size_and_time_is_seen(path, following, later):
    path.write_text("1")
    before = path.stat()
    assert await following.current() == 1
    path.write_text("2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert await later() == 2


async def test_without_a_file_there_is_nothing_and_no_complaint(following, later, path, caplog):
    assert await following.current() is None
    assert not following.is_in_doubt
    assert caplog.records == []
    path.write_text("3")
    assert await later() == 3


@pytest.mark.parametrize("content", ["x", "", "1x"])
async def test_a_damaged_file_leaves_what_was_before_and_is_logged_once(path, following, later, caplog, content):
    path.write_text("1")
    await following.current()
    path.write_text(content)
    assert [await later() for _ in range(3)] == [1, 1, 1]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "damaged; what it held before stays in force" in caplog.text
    path.write_text("2")
    assert await later() == 2
    assert "can be read again" in caplog.text


async def test_a_file_that_goes_leaves_what_was_before(path, following, later, caplog):
    path.write_text("1")
    await following.current()
    path.unlink()
    assert await later() == 1
    assert "it is gone; what it held before stays" in caplog.text


async def test_a_file_that_was_never_whole_lets_nobody_in(path, following, later, caplog):
    path.write_text("x")
    assert await following.current() is None
    assert following.is_in_doubt
    assert "nobody gets in" in caplog.text
    path.write_text("1")
    path.chmod(0o666)
    assert await later() is None
    assert "everybody may write" in caplog.text
    path.chmod(0o600)
    assert await later() == 1
    assert not following.is_in_doubt


async def test_what_is_damaged_is_not_logged(path, following, caplog):
    path.write_text("a-secret")
    await following.current()
    assert "a-secret" not in caplog.text


async def test_many_that_wait_make_one_look_and_none_of_them_ends_it(path, following, monkeypatch):
    reads, gate = [], threading.Event()

    def read(path):
        reads.append(path)
        assert gate.wait(10)
        return path.read_bytes()

    monkeypatch.setattr(watched, "read_private", read)
    path.write_text("1")
    waiting = [asyncio.create_task(following.current()) for _ in range(20)]
    while not reads:
        await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert results[1:] == [1] * 19
    assert len(reads) == 1


async def test_a_file_system_that_does_not_answer_holds_nobody_up_for_long(path, following, later, monkeypatch, caplog):
    path.write_text("1")
    await following.current()
    gate = threading.Event()

    def read(path):
        assert gate.wait(10)
        return path.read_bytes()

    monkeypatch.setattr(watched, "read_private", read)
    monkeypatch.setattr(watched, "READ_SECONDS", 0.01)
    path.write_text("2")
    assert await later() == 1
    assert "does not answer" in caplog.text
    gate.set()
    monkeypatch.setattr(watched, "READ_SECONDS", 10)
    assert await later() == 2
