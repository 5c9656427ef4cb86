import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.deadlines import NEVER, InTime, deadlines_of, has_passed, until
from deployments.errors import RequestTimeout


def test_seconds_that_are_left_become_deadlines_on_the_clock_here():
    before = time.monotonic()
    soon, later = deadlines_of([1.0, 5.0], 2)
    assert before + 1 <= soon <= time.monotonic() + 1
    assert later - soon == pytest.approx(4)
    assert deadlines_of([math.inf], 1) == [NEVER]


def test_a_caller_that_says_nothing_sets_no_deadlines():
    assert deadlines_of(None, 3) == [NEVER] * 3
    assert not has_passed(NEVER)


def test_a_deadline_passes():
    assert has_passed(time.monotonic())
    assert not has_passed(time.monotonic() + 60)


@given(st.lists(st.booleans()))
def test_only_what_is_in_time_is_worked_on_and_every_item_gets_its_own_answer(late):
    now = time.monotonic()
    wanted = InTime.of(range(len(late)), [now - 1 if each else now + 60 for each in late])
    assert wanted.items == [place for place, each in enumerate(late) if not each]
    answers = wanted.among_all(f"answer to {item}" for item in wanted.items)
    for place, (is_late, answer) in enumerate(zip(late, answers, strict=True)):
        assert isinstance(answer, RequestTimeout) if is_late else answer == f"answer to {place}"


async def test_waiting_ends_at_the_deadline():
    with pytest.raises(TimeoutError):
        async with until(time.monotonic() + 0.001):
            await asyncio.get_running_loop().create_future()
    async with until(NEVER):
        await asyncio.sleep(0)
