import asyncio
import threading

import pytest

from deployments.brief_work import BRIEF_SECONDS, REMEMBERED, BriefWork


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def work(clock):
    return BriefWork("aside", clock)


def taking(clock, seconds):
    """A piece of work that takes so long; tells the thread that it ran on."""

    def run():
        clock.now += seconds
        return threading.current_thread()

    return run


async def test_brief_work_runs_on_the_event_loop_once_it_is_known_to_be_brief(clock, work):
    first = await work.run(taking(clock, BRIEF_SECONDS / 2))
    assert first is not threading.current_thread()
    assert await work.run(taking(clock, BRIEF_SECONDS / 2)) is threading.current_thread()


async def test_long_work_runs_on_the_thread_until_none_of_late_was_long(clock, work):
    await work.run(taking(clock, 0))
    assert await work.run(taking(clock, 2 * BRIEF_SECONDS)) is threading.current_thread()
    for _ in range(REMEMBERED):
        thread = await work.run(taking(clock, 0))
        assert thread is not threading.current_thread()
        assert thread.name.startswith("aside")
    assert await work.run(taking(clock, 0)) is threading.current_thread()


async def test_one_piece_runs_at_a_time(clock, work):
    running, most = 0, 0
    started = threading.Event()

    def counted():
        nonlocal running, most
        running += 1
        most = max(most, running)
        started.wait(5)
        running -= 1
        clock.now += 0.001

    tasks = [asyncio.create_task(work.run(counted)) for _ in range(3)]
    await asyncio.sleep(0)
    started.set()
    await asyncio.gather(*tasks)
    assert most == 1


async def test_an_error_is_the_caller_s_and_ends_nothing(clock, work):
    def fail():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await work.run(fail)
    assert await work.run(lambda: 3) == 3
