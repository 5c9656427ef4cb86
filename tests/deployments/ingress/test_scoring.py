import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.coalescing import Coalescer
from deployments.contracts import Outcome
from deployments.errors import InvalidInput, InvalidText, ModelError, Overloaded
from deployments.ingress import scoring
from deployments.ingress.scoring import MAX_ITEMS_OUT, score, score_all
from deployments.interface import Work


class Stage:
    """Doubles numbers behind the queue of a real stage; refuses negative ones, and fails as a whole on 1000."""

    def __init__(self, *, max_items=4, max_calls=1, max_waiting=1000, gated=False):
        self.queue = Coalescer(self._send, max_items=max_items, max_waiting=max_waiting, max_calls=lambda: max_calls)
        self.sent = []
        self.most = 0
        self.gate = asyncio.Event()
        if not gated:
            self.gate.set()

    async def submit(self, item, *, deadline=None):
        return (await self.queue.submit(item, deadline=deadline)).result

    async def _send(self, items, waited, left):
        self.most = max(self.most, len(items) + self.queue.waiting)
        self.sent.extend(items)
        await self.gate.wait()
        if 1000 in items:
            raise ModelError("The model failed.")
        return [Outcome(InvalidText("It is negative.") if item < 0 else 2 * item, {"infer": item}) for item in items]


async def scored(stage, items, **options):
    deadline = asyncio.get_running_loop().time() + 60
    return await score_all(stage, items, deadline, **{"name": "item {}".format, **options})


async def turns(n=10):
    for _ in range(n):
        await asyncio.sleep(0)


async def assert_idle(stage):
    await turns()
    assert (stage.queue.waiting, stage.queue.calls_out) == (0, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_thousand_items_are_answered_in_order_in_full_calls_and_never_fill_the_queue():
    stage = Stage(max_items=32, max_calls=2)
    results = await scored(stage, range(1000))
    assert [one.result for one in results] == [2 * n for n in range(1000)]
    assert sorted(stage.sent) == list(range(1000))
    assert stage.most <= MAX_ITEMS_OUT
    await assert_idle(stage)


async def test_a_request_with_many_items_lets_others_through(context_of):
    stage = Stage(max_items=32, max_calls=2, max_waiting=MAX_ITEMS_OUT)
    many = asyncio.create_task(scored(stage, range(900)))
    await turns(3)
    other = await score(context_of(), stage, Work([901], list))
    assert other.results == [1802]
    assert len(stage.sent) < 900
    assert len(await many) == 900


@pytest.mark.parametrize("max_waiting", [0, 1, 10])
async def test_a_queue_smaller_than_the_request_takes_it_little_by_little(max_waiting):
    stage = Stage(max_waiting=max_waiting)
    results = await scored(stage, range(300))
    assert [one.result for one in results] == [2 * n for n in range(300)]
    assert sorted(stage.sent) == list(range(300))
    await assert_idle(stage)


async def test_a_queue_full_of_others_refuses_the_request_and_takes_nothing_of_it():
    stage = Stage(max_items=1, max_waiting=2, gated=True)
    others = []
    for item in range(3):
        others.append(asyncio.create_task(stage.submit(item)))
        await turns()
    with pytest.raises(Overloaded):
        await scored(stage, range(10, 20))
    stage.gate.set()
    await asyncio.gather(*others)
    assert stage.sent == [0, 1, 2]
    await assert_idle(stage)


async def test_what_a_stage_further_on_refuses_is_asked_again_when_others_are_back():
    class Narrow(Stage):
        """Takes all, and has two at a time done behind it."""

        async def _send(self, items, waited, left):
            answers = await super()._send(items, waited, left)
            return [*answers[:2], *[Outcome(Overloaded("The queue is full."))] * len(answers[2:])]

    results = await scored(Narrow(max_items=4, max_calls=2), range(9))
    assert [one.result for one in results] == [2 * n for n in range(9)]


async def test_the_first_bad_item_is_named_and_ends_the_others():
    stage = Stage()
    with pytest.raises(InvalidText) as raised:
        await scored(stage, [0, 1, -1, -2, *range(4, 1000)])
    assert raised.value.message == "item 2: It is negative."
    assert len(stage.sent) < 20
    await assert_idle(stage)


async def test_a_failed_call_fails_the_request_without_blaming_an_item():
    stage = Stage()
    with pytest.raises(ModelError) as raised:
        await scored(stage, [*range(6), 1000, *range(6, 500)])
    assert raised.value.message == "The model failed."
    assert len(stage.sent) < 20
    await assert_idle(stage)


async def test_what_is_not_accepted_ends_the_request():
    def accept(result):
        seen.append(result)
        if len(seen) == 10:
            raise InvalidInput("Enough.")

    seen = []
    stage = Stage()
    with pytest.raises(InvalidInput) as raised:
        await scored(stage, range(1000), accept=accept)
    assert raised.value.message == "Enough."
    assert len(stage.sent) < 30
    await assert_idle(stage)


async def test_who_gives_up_a_request_gives_up_all_its_items():
    stage = Stage(gated=True)
    request = asyncio.create_task(scored(stage, range(500)))
    while not stage.sent:
        await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert len(stage.sent) == 4
    await assert_idle(stage)


@st.composite
def workloads(draw):
    requests = draw(st.lists(st.lists(st.integers(-1, 9), min_size=1, max_size=12), min_size=1, max_size=6))
    stage = {"max_items": draw(st.integers(1, 5)), "max_calls": draw(st.integers(1, 3))}
    return requests, {**stage, "max_waiting": draw(st.integers(0, 12))}, draw(st.integers(1, 6))


@given(workloads())
@settings(max_examples=150, deadline=None)
def test_requests_side_by_side_are_each_answered_whole_or_refused(workload):
    asyncio.run(_run(*workload))


async def _run(requests, options, items_out):
    stage = Stage(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "MAX_ITEMS_OUT", items_out)
        answers = await asyncio.gather(*(scored(stage, items) for items in requests), return_exceptions=True)
    for items, answer in zip(requests, answers, strict=True):
        if isinstance(answer, InvalidText):
            assert min(items) < 0
        elif isinstance(answer, Overloaded):
            assert len(requests) > 1
        else:
            assert [one.result for one in answer] == [2 * item for item in items]
    await assert_idle(stage)
