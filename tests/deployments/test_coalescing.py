import asyncio
import math
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.coalescing import Coalescer
from deployments.errors import InvalidInput, Overloaded, RequestTimeout, ScoringError


class Stage:
    """Answers a call when the test lets it: doubles numbers, refuses negative ones."""

    def __init__(self, *, gated=False):
        self.calls = []
        self.waited = []
        self.left = []
        self.cancelled = 0
        self.out = 0
        self.most_out = 0
        self.gate = asyncio.Event()
        if not gated:
            self.gate.set()

    async def send(self, items, waited, left):
        self.calls.append(list(items))
        self.waited.append(waited)
        self.left.append(left)
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.out -= 1
        return [InvalidInput(f"{item} is negative") if item < 0 else 2 * item for item in items]


def coalescer(stage, *, max_items=4, max_waiting=100, max_calls=1, **options):
    return Coalescer(stage.send, max_items=max_items, max_waiting=max_waiting, max_calls=lambda: max_calls, **options)


async def turns(n=5):
    for _ in range(n):
        await asyncio.sleep(0)


async def test_a_lone_item_leaves_at_once():
    stage = Stage()
    answer = await coalescer(stage).submit(21)
    assert answer.result == 42
    assert answer.queue_seconds >= 0


async def test_items_of_turns_that_follow_each_other_leave_together():
    stage = Stage()
    joined = coalescer(stage, max_items=100)
    tasks = []
    for number in range(6):
        tasks.append(asyncio.create_task(joined.submit(number)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert stage.calls == [[0, 1, 2, 3, 4, 5]]


async def test_a_full_call_leaves_however_many_more_come():
    stage = Stage(gated=True)
    joined = coalescer(stage, max_items=3)
    tasks = []
    for number in range(6):
        tasks.append(asyncio.create_task(joined.submit(number)))
        await asyncio.sleep(0)
    assert stage.calls == [[0, 1, 2]]
    stage.gate.set()
    await asyncio.gather(*tasks)


async def test_items_of_one_turn_leave_together():
    stage = Stage()
    joined = coalescer(stage)
    answers = await asyncio.gather(*(joined.submit(n) for n in range(3)))
    assert [a.result for a in answers] == [0, 2, 4]
    assert stage.calls == [[0, 1, 2]]


async def test_what_arrives_while_a_call_is_out_leaves_as_the_next():
    stage = Stage(gated=True)
    joined = coalescer(stage)
    first = asyncio.create_task(joined.submit(0))
    await turns()
    rest = [asyncio.create_task(joined.submit(n)) for n in (1, 2, 3)]
    await turns()
    assert stage.calls == [[0]]
    assert joined.waiting == 3
    stage.gate.set()
    await asyncio.gather(first, *rest)
    assert stage.calls == [[0], [1, 2, 3]]


async def test_calls_respect_the_number_of_items_and_of_calls():
    stage = Stage(gated=True)
    joined = coalescer(stage, max_items=3, max_calls=2)
    tasks = [asyncio.create_task(joined.submit(n)) for n in range(10)]
    await turns()
    assert stage.calls == [[0, 1, 2], [3, 4, 5]]
    assert joined.calls_out == 2
    stage.gate.set()
    await asyncio.gather(*tasks)
    assert stage.most_out == 2
    assert all(len(call) <= 3 for call in stage.calls)


async def test_calls_respect_the_weight_and_a_heavy_item_leaves_alone():
    stage = Stage()
    joined = coalescer(stage, max_items=10, weigh=lambda item: item, max_weight=10)
    await asyncio.gather(*(joined.submit(n) for n in (4, 5, 3, 50, 1)))
    assert stage.calls == [[4, 5], [3], [50], [1]]


async def test_one_bad_item_does_not_fail_its_neighbours():
    joined = coalescer(Stage())
    good, bad, other = await asyncio.gather(*map(joined.submit, (1, -1, 3)), return_exceptions=True)
    assert (good.result, other.result) == (2, 6)
    assert isinstance(bad, InvalidInput)
    assert "-1 is negative" in bad.message


async def test_a_failed_call_fails_each_of_its_items_and_no_other():
    async def send(items, waited, left):
        if 1 in items:
            raise OSError("lost")
        return items

    joined = Coalescer(send, max_items=2, max_waiting=9, max_calls=lambda: 1)
    answers = await asyncio.gather(*map(joined.submit, range(4)), return_exceptions=True)
    assert [type(a) for a in answers[:2]] == [OSError, OSError]
    assert [a.result for a in answers[2:]] == [2, 3]


async def test_a_wrong_number_of_results_is_an_error_for_all():
    async def send(items, waited, left):
        return items[:-1]

    joined = Coalescer(send, max_items=2, max_waiting=9, max_calls=lambda: 1)
    answers = await asyncio.gather(joined.submit(1), joined.submit(2), return_exceptions=True)
    assert all(isinstance(a, ScoringError) for a in answers)


async def test_a_full_queue_refuses_and_keeps_what_it_has():
    stage = Stage(gated=True)
    joined = coalescer(stage, max_items=1, max_waiting=2)
    tasks = [asyncio.create_task(joined.submit(0))]
    await turns()
    tasks += [asyncio.create_task(joined.submit(n)) for n in (1, 2)]
    await turns()
    with pytest.raises(Overloaded):
        await joined.submit(3)
    stage.gate.set()
    assert [a.result for a in await asyncio.gather(*tasks)] == [0, 2, 4]


async def test_with_a_queue_of_none_an_idle_stage_still_works():
    joined = coalescer(Stage(), max_items=1, max_waiting=0)
    assert (await joined.submit(1)).result == 2


async def test_an_item_whose_deadline_passed_is_never_sent():
    stage = Stage(gated=True)
    joined = coalescer(stage, max_items=1)
    first = asyncio.create_task(joined.submit(0))
    await turns()
    late = asyncio.create_task(joined.submit(1, deadline=time.monotonic()))
    await turns()
    stage.gate.set()
    with pytest.raises(RequestTimeout):
        await late
    await first
    assert joined.waiting == 0
    assert stage.calls == [[0]]


async def test_items_whose_deadline_passed_make_room_in_a_full_queue():
    stage = Stage(gated=True)
    joined = coalescer(stage, max_items=1, max_waiting=3)
    now = time.monotonic()
    tasks = [asyncio.create_task(joined.submit(0))]
    await turns()
    tasks += [asyncio.create_task(joined.submit(n, deadline=now + (n == 2) * 60)) for n in (1, 2, 3)]
    await turns()
    assert joined.waiting == 3
    tasks += [asyncio.create_task(joined.submit(n)) for n in (4, 5)]
    await turns()
    assert joined.waiting == 3
    with pytest.raises(Overloaded):
        await joined.submit(6)
    stage.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answers[n]) for n in (1, 3)] == [RequestTimeout] * 2
    assert [answers[n].result for n in (0, 2, 4, 5)] == [0, 4, 8, 10]
    assert stage.calls == [[0], [2], [4], [5]]


async def test_calls_carry_the_seconds_that_each_item_has_left():
    stage = Stage()
    joined = coalescer(stage)
    now = time.monotonic()
    await asyncio.gather(joined.submit(0), joined.submit(1, deadline=now + 50), joined.submit(2, deadline=now + 5))
    ((forever, long, short),) = stage.left
    assert forever == math.inf
    assert long - short == pytest.approx(45)
    assert 0 < short <= 5


@pytest.mark.parametrize(("max_items", "max_calls", "wanted"), [(32, 2, 64), (32, 4, 128), (4, 2, 32), (1, 1, 32)])
async def test_where_nothing_else_is_said_as_many_may_wait_as_fit_what_calls_carry(max_items, max_calls, wanted):
    stage = Stage(gated=True)
    joined = coalescer(stage, max_items=max_items, max_calls=max_calls, max_waiting=None)
    tasks = []
    while True:
        try:
            joined.check_room()
        except Overloaded:
            break
        tasks.append(asyncio.create_task(joined.submit(len(tasks))))
        await turns(2)
    # The first of each call found nothing to wait for, and left alone.
    assert len(tasks) == max_calls + wanted
    stage.gate.set()
    assert len(await asyncio.gather(*tasks)) == len(tasks)


async def test_a_caller_that_leaves_is_forgotten_and_its_neighbours_are_not():
    stage = Stage(gated=True)
    joined = coalescer(stage)
    first = asyncio.create_task(joined.submit(0))
    await turns()
    leaving, staying = (asyncio.create_task(joined.submit(n)) for n in (1, 2))
    await turns()
    leaving.cancel()
    await turns()
    assert joined.waiting == 1
    stage.gate.set()
    assert (await first).result == 0
    assert (await staying).result == 4
    assert stage.calls == [[0], [2]]


async def test_a_call_that_nobody_wants_any_more_is_cancelled():
    stage = Stage(gated=True)
    joined = coalescer(stage)
    tasks = [asyncio.create_task(joined.submit(n)) for n in range(2)]
    await turns()
    tasks[0].cancel()
    await turns()
    assert stage.cancelled == 0
    tasks[1].cancel()
    await turns()
    assert stage.cancelled == 1
    assert joined.calls_out == 0
    stage.gate.set()
    assert (await joined.submit(5)).result == 10


async def test_waiting_seconds_travel_with_the_call():
    stage = Stage(gated=True)
    joined = coalescer(stage)
    first = asyncio.create_task(joined.submit(0))
    await turns()
    second = asyncio.create_task(joined.submit(1))
    await asyncio.sleep(0.02)
    stage.gate.set()
    await first
    answer = await second
    assert stage.waited[1] == [answer.queue_seconds]
    assert answer.queue_seconds >= 0.02


@st.composite
def workloads(draw):
    items = draw(st.lists(st.integers(-5, 1000), min_size=1, max_size=40))
    return {
        "items": items,
        "pauses": draw(st.lists(st.integers(0, 3), min_size=len(items), max_size=len(items))),
        "cancel": draw(st.sets(st.integers(0, len(items) - 1))),
        "late": draw(st.sets(st.integers(0, len(items) - 1))),
        "max_items": draw(st.integers(1, 7)),
        "max_calls": draw(st.integers(1, 3)),
        "max_waiting": draw(st.integers(0, 50)),
        "max_weight": draw(st.integers(1, 1500)),
        "fail_every": draw(st.integers(2, 9)),
    }


@given(workloads())
@settings(max_examples=200, deadline=None)
def test_every_item_is_answered_exactly_once(workload):
    asyncio.run(_run(workload))


async def _run(w):
    sent = Counter()
    out = 0

    async def send(items, waited, left):
        nonlocal out
        out += 1
        assert out <= w["max_calls"]
        assert 1 <= len(items) == len(waited) <= w["max_items"]
        assert len(items) == 1 or sum(abs(value) for _, value in items) <= w["max_weight"]
        sent.update(index for index, _ in items)
        try:
            await turns(3)
        finally:
            out -= 1
        if sum(sent.values()) % w["fail_every"] == 0:
            raise OSError("lost")
        return [InvalidInput(str(index)) if value < 0 else (index, value) for index, value in items]

    joined = Coalescer(
        send,
        max_items=w["max_items"],
        max_waiting=w["max_waiting"],
        max_calls=lambda: w["max_calls"],
        weigh=lambda item: abs(item[1]),
        max_weight=w["max_weight"],
    )
    loop = asyncio.get_running_loop()
    tasks = []
    for index, (value, pause) in enumerate(zip(w["items"], w["pauses"], strict=True)):
        deadline = loop.time() if index in w["late"] else None
        tasks.append(asyncio.create_task(joined.submit((index, value), deadline=deadline)))
        await turns(pause)
        if index in w["cancel"]:
            tasks[-1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    await turns(10)

    for index, (answer, value) in enumerate(zip(answers, w["items"], strict=True)):
        if not isinstance(answer, BaseException):
            assert answer.result == (index, value)
            assert sent[index] == 1
        elif isinstance(answer, InvalidInput):
            assert value < 0
            assert answer.message == str(index)
        elif isinstance(answer, RequestTimeout):
            assert index in w["late"]
        elif isinstance(answer, asyncio.CancelledError):
            assert index in w["cancel"]
        elif isinstance(answer, Overloaded):
            assert sent[index] == 0
        else:
            assert isinstance(answer, OSError)
        assert sent[index] <= 1
    assert joined.waiting == 0
    assert joined.calls_out == 0
    assert out == 0
