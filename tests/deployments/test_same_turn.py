import asyncio
import time

import pytest

from deployments.errors import RequestTimeout, ScoringError
from deployments.same_turn import SameTurn


class Stage:
    """Doubles numbers, and notes its calls."""

    def __init__(self):
        self.calls = []

    def score_now(self, items):
        self.calls.append(items)
        if "short" in items:
            return [1]
        if "broken" in items:
            raise ValueError
        return None if "long" in items else [2 * item for item in items]


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def ask(stage):
    turn = SameTurn(stage.score_now, 4)

    async def ask(item, deadline=None):
        result = turn.alone(item)
        return await turn.joined(item, deadline) if result is None else result

    return ask


async def test_one_that_is_alone_is_answered_without_a_wait(stage, ask):
    for number in range(3):
        # A coroutine that waits for nothing ends with its first step.
        with pytest.raises(StopIteration) as ended:
            ask(number).send(None)
        assert ended.value.value == 2 * number
        await asyncio.sleep(0)
    assert stage.calls == [[0], [1], [2]]


async def test_others_of_a_turn_go_together_and_after_a_crowd_the_first_with_them(stage, ask):
    assert await asyncio.gather(*map(ask, range(4))) == [0, 2, 4, 6]
    assert stage.calls == [[0], [1, 2, 3]]
    await asyncio.gather(*map(ask, range(3)))
    assert stage.calls[2:] == [[0, 1, 2]]


async def test_after_a_crowd_one_alone_is_answered_and_the_next_at_once_again(stage, ask):
    await asyncio.gather(*map(ask, range(3)))
    assert await ask(5) == 10
    with pytest.raises(StopIteration):
        ask(6).send(None)


async def test_a_call_takes_so_many_at_the_most(stage, ask):
    await asyncio.gather(*map(ask, range(10)))
    assert [len(call) for call in stage.calls] == [1, 4, 4, 1]


async def test_what_may_take_long_is_left_to_the_caller(stage, ask):
    assert await ask("long") is None
    assert await asyncio.gather(ask(1), ask("long"), ask(2)) == [2, None, None]


async def test_a_call_that_fails_fails_all_of_its_items_and_no_other(stage, ask):
    await asyncio.gather(ask(1), ask(2))
    results = await asyncio.gather(ask(1), ask("broken"), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    assert await ask(3) == 6


async def test_a_stage_that_answers_too_few_fails_all_and_leaves_nobody_waiting(ask):
    await asyncio.gather(ask(1), ask(2))
    results = await asyncio.gather(ask(1), ask("short"), return_exceptions=True)
    assert [type(result) for result in results] == [ScoringError, ScoringError]


async def test_what_nobody_waits_for_any_more_is_not_scored(stage, ask):
    first, second, third = (asyncio.ensure_future(ask(number)) for number in range(3))
    late = asyncio.ensure_future(ask(3, time.monotonic()))
    await asyncio.sleep(0)
    second.cancel()
    assert await asyncio.gather(first, third) == [0, 4]
    with pytest.raises(RequestTimeout):
        await late
    assert stage.calls == [[0], [2]]
