import asyncio
import threading

import pytest

from deployments.brief_work import BRIEF_SECONDS, FEW_LONG, REMEMBERED, BriefWork


@pytest.fixture
def clock():
    """The seconds that the clock shows."""
    return [0.0]


@pytest.fixture
def work(clock):
    return BriefWork("aside", lambda: clock[0])


def taking(clock, seconds):
    """A piece of work that takes so long; tells the thread that it ran on."""

    def run():
        clock[0] += seconds
        return threading.current_thread()

    return run


async def test_brief_work_runs_on_the_event_loop_once_it_is_known_to_be_brief(clock, work):
    first = await work.run(taking(clock, BRIEF_SECONDS / 2))
    assert first is not threading.current_thread()
    assert await work.run(taking(clock, BRIEF_SECONDS / 2)) is threading.current_thread()


async def test_work_that_is_long_again_and_again_runs_on_the_thread_until_little_of_late_was_long(clock, work):
    for _ in range(FEW_LONG + 1):
        await work.run(taking(clock, 0))
    for _ in range(FEW_LONG + 1):
        assert await work.run(taking(clock, 2 * BRIEF_SECONDS)) is threading.current_thread()
    for _ in range(REMEMBERED - FEW_LONG):
        thread = await work.run(taking(clock, 0))
        assert thread is not threading.current_thread()
        assert thread.name.startswith("aside")
    assert await work.run(taking(clock, 0)) is threading.current_thread()


async def test_work_that_a_busy_machine_makes_long_once_stays_where_it_was(clock, work):
    for _ in range(FEW_LONG + 1):
        await work.run(taking(clock, 0))
    for _ in range(FEW_LONG):
        await work.run(taking(clock, 2 * BRIEF_SECONDS))
    assert await work.run(taking(clock, 0)) is threading.current_thread()


async def test_a_first_piece_that_is_long_sends_the_next_to_the_thread(clock, work):
    await work.run(taking(clock, 2 * BRIEF_SECONDS))
    assert await work.run(taking(clock, 0)) is not threading.current_thread()


async def test_work_that_may_be_long_is_not_begun_at_once(clock, work):
    assert work.try_now(taking(clock, 0)) is None
    for _ in range(FEW_LONG + 1):
        await work.run(taking(clock, 0))
    assert work.try_now(taking(clock, 0)) is threading.current_thread()
    for _ in range(FEW_LONG + 1):
        await work.run(taking(clock, 2 * BRIEF_SECONDS))
    assert work.try_now(taking(clock, 0)) is None


async def test_a_piece_whose_caller_is_gone_still_runs_alone(clock, work):
    both_are_there, gate, runs = threading.Event(), threading.Event(), threading.Event()

    def brief():
        assert both_are_there.wait(10)

    def held():
        runs.set()
        assert gate.wait(10)
        return threading.current_thread()

    # Nothing is known yet, so both go to the thread; the first is brief by the clock.
    first, second = (asyncio.create_task(work.run(each)) for each in (brief, held))
    await asyncio.sleep(0)
    both_are_there.set()
    await first
    await asyncio.to_thread(runs.wait, 10)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert work.is_brief
    third = asyncio.create_task(work.run(taking(clock, 0)))
    await asyncio.sleep(0)
    assert not third.done()
    gate.set()
    assert (await third).name.startswith("aside")
    assert await work.run(taking(clock, 0)) is threading.current_thread()


async def test_an_error_is_the_caller_s_and_ends_nothing(clock, work):
    def fail():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await work.run(fail)
    assert await work.run(lambda: 3) == 3
