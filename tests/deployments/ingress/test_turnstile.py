import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.ingress.turnstile import Turnstile
from deployments.stage_load import StageLoad


class Turns:
    """Counts the turns of the event loop; ends with the test's tasks."""

    def __init__(self):
        self.count = 0
        self._handle = None

    def __enter__(self):
        self._next()
        return self

    def __exit__(self, *_):
        self._handle.cancel()

    def _next(self):
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._next)


async def began(turnstile, turns, begun, number):
    await turnstile.enter()
    begun.append((turns.count, number))


async def test_the_first_few_begin_at_once_and_the_others_in_the_turns_after_that():
    turnstile, begun = Turnstile(StageLoad(), 3), []
    with Turns() as turns:
        await asyncio.gather(*(began(turnstile, turns, begun, number) for number in range(8)))
    assert [number for _, number in begun] == list(range(8))
    turn = [turn for turn, _ in begun]
    assert turn[0] == turn[2] < turn[3] == turn[5] < turn[6] == turn[7]


async def test_who_comes_later_does_not_overtake():
    turnstile, begun = Turnstile(StageLoad(), 1), []
    with Turns() as turns:
        tasks = []
        for number in range(6):
            tasks.append(asyncio.create_task(began(turnstile, turns, begun, number)))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
    assert [number for _, number in begun] == list(range(6))


async def test_who_hung_up_takes_nobody_s_turn():
    turnstile, begun = Turnstile(StageLoad(), 1), []
    with Turns() as turns:
        tasks = [asyncio.create_task(began(turnstile, turns, begun, number)) for number in range(4)]
        await asyncio.sleep(0)
        for task in tasks[1:3]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [number for _, number in begun] == [0, 3]


async def test_an_idle_turnstile_schedules_nothing():
    turnstile = Turnstile(StageLoad())
    await turnstile.enter()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert turnstile._begun == 0
    await asyncio.wait_for(turnstile.enter(), 1)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 4))
def test_no_turn_begins_more_than_it_may_and_everybody_begins(arrivals, most):
    async def run():
        turnstile, begun, tasks, number = Turnstile(StageLoad(), most), [], [], 0
        with Turns() as turns:
            for arriving in arrivals:
                for _ in range(arriving):
                    tasks.append(asyncio.create_task(began(turnstile, turns, begun, number)))
                    number += 1
                await asyncio.sleep(0)
            await asyncio.gather(*tasks)
        return number, begun

    number, begun = asyncio.run(run())
    assert sorted(each for _, each in begun) == list(range(number))
    per_turn = [turn for turn, _ in begun]
    assert all(per_turn.count(turn) <= 2 * most for turn in per_turn)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_checks_do_not_wait(method):
    from deployments.ingress.outermost import Outermost

    async def app(_scope, _receive, _send):
        seen.append(method)

    seen, outermost = [], Outermost(app)
    outermost._turnstile = Turnstile(StageLoad(), 0)
    async with asyncio.timeout(5):
        await outermost({"type": "http", "method": method, "headers": []}, None, None)
    assert seen == [method]


async def test_those_that_wait_count_as_load_and_no_others():
    load = StageLoad()
    turnstile = Turnstile(load, 2)
    tasks = [asyncio.create_task(turnstile.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    assert load.in_replica == 3
    tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert load.in_replica == 0
