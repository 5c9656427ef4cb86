import asyncio
import math
import time

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata
from ray.exceptions import ActorDiedError, RayTaskError
from ray.serve.exceptions import BackPressureError

from deployments.contracts import CALLS_PER_REPLICA, ModelDescription, Outcome, Reply
from deployments.errors import InvalidText, ModelError, Overloaded, Unavailable
from deployments.remote_stage import handle_of
from deployments.scaling import ScalingSettings
from deployments.stage_client import RETRIES_AFTER_LOSS, StageClient


class Method:
    """A method of a handle: answers each call with what the test has prepared."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    def remote(self, *arguments):
        self.calls.append(arguments)
        return self._answer(self.answers.pop(0), *arguments)

    async def _answer(self, answer, *arguments):
        if isinstance(answer, BaseException):
            raise answer
        return answer(*arguments) if callable(answer) else answer


class Gated(Method):
    """Holds its answers until the gate opens."""

    def __init__(self, gate, *answers):
        super().__init__(*answers)
        self.gate = gate

    async def _answer(self, answer, *arguments):
        await self.gate.wait()
        return await super()._answer(answer, *arguments)


class Handle:
    def __init__(self, score=None, describe=None):
        self.score = score
        self.describe = describe
        self.chosen = {}
        self.deployment_name = "stage"

    def options(self, **options):
        self.chosen = options
        return self


def echo(items, waited, left, replica="a"):
    return Reply([Outcome(item, {"infer": 0.5}) for item in items], replica)


def failed(cause):
    """What Ray raises here for an exception that a replica raised there."""
    return RayTaskError("score", "a stack trace", cause).as_instanceof_cause()


def client(*answers, **scaling):
    handle = Handle(score=Method(*answers))
    return StageClient(handle_of(handle), ScalingSettings(**scaling).call_limits()), handle.score


async def test_an_item_gets_its_own_outcome_and_its_time_in_the_queue():
    stage, _ = client(echo)
    outcome = await stage.submit("x")
    assert outcome.result == "x"
    assert outcome.seconds["infer"] == 0.5
    assert 0 <= outcome.seconds["queue"] < 0.5


async def test_an_item_s_own_error_is_an_outcome_and_no_exception():
    stage, _ = client(Reply([Outcome(InvalidText("bad"))], "a"))
    assert isinstance((await stage.submit("x")).result, InvalidText)


async def test_what_a_lost_replica_left_is_asked_of_another_with_the_seconds_that_were_lost():
    stage, score = client(ActorDiedError(), echo)
    assert (await stage.submit("x", deadline=time.monotonic() + 60)).result == "x"
    (items, first, left), (again, second, less) = score.calls
    assert items == again == ["x"]
    assert second[0] >= first[0]
    assert 0 < less[0] <= left[0] <= 60


def broken(status):
    """What Ray lets through of a call whose connection ended with this status."""
    return AioRpcError(status, Metadata(), Metadata(), details="Stream removed")


@pytest.mark.parametrize("status", [StatusCode.UNKNOWN, StatusCode.INTERNAL, StatusCode.CANCELLED])
async def test_a_replica_that_dies_within_an_answer_is_a_lost_one(status):
    stage, score = client(broken(status), echo)
    assert (await stage.submit("x")).result == "x"
    assert len(score.calls) == 2


async def test_a_call_that_is_too_large_is_not_repeated():
    stage, score = client(broken(StatusCode.RESOURCE_EXHAUSTED))
    with pytest.raises(AioRpcError):
        await stage.submit("x")
    assert len(score.calls) == 1


async def test_an_item_without_a_deadline_has_any_time_left():
    stage, score = client(echo)
    await stage.submit("x")
    assert score.calls[0][2] == [math.inf]


async def test_a_full_stage_says_so_before_anything_is_spent_on_an_item():
    stage, _ = client(*[echo] * 4, max_concurrent_requests=1, max_queued_requests=1)
    stage.check_room()
    tasks = [asyncio.create_task(stage.submit(n)) for n in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        stage.check_room()
    await asyncio.gather(*tasks, return_exceptions=True)
    stage.check_room()


async def test_when_all_that_were_asked_are_lost_the_service_is_unavailable():
    stage, score = client(*[ActorDiedError()] * (1 + RETRIES_AFTER_LOSS))
    with pytest.raises(Unavailable):
        await stage.submit("x")
    assert len(score.calls) == 1 + RETRIES_AFTER_LOSS


async def test_a_full_stage_is_unavailable_and_not_asked_again():
    stage, score = client(BackPressureError(num_queued_requests=1, max_queued_requests=1))
    with pytest.raises(Unavailable):
        await stage.submit("x")
    assert len(score.calls) == 1


async def test_a_stage_that_raises_is_an_error_of_the_model_and_shows_nothing_of_it(caplog):
    stage, score = client(failed(RuntimeError("password=hunter2")))
    with pytest.raises(ModelError) as raised:
        await stage.submit("x")
    assert "hunter2" not in raised.value.message + caplog.text
    assert "RuntimeError" in caplog.text
    assert len(score.calls) == 1


async def test_more_calls_may_be_out_when_more_replicas_have_answered():
    gate = asyncio.Event()

    class Gated(Method):
        async def _answer(self, answer, *arguments):
            if len(self.calls) > 2:
                await gate.wait()
            return answer(*arguments)

    answers = [lambda i, w, left: echo(i, w, left, "a"), lambda i, w, left: echo(i, w, left, "b"), *[echo] * 20]
    handle = Handle(score=Gated(*answers))
    stage = StageClient(handle_of(handle), ScalingSettings(max_concurrent_requests=2).call_limits())
    await stage.submit(0)
    await stage.submit(1)
    tasks = [asyncio.create_task(stage.submit(n)) for n in range(10)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(handle.score.calls) - 2 == 2 * CALLS_PER_REPLICA
    gate.set()
    assert [outcome.result for outcome in await asyncio.gather(*tasks)] == list(range(10))


async def test_messages_travel_by_plain_pickle():
    handle = Handle()
    StageClient(handle_of(handle), ScalingSettings().call_limits())
    assert handle.chosen == {"request_serialization": "pickle", "response_serialization": "pickle"}


DESCRIPTION = ModelDescription("sklearn", "trained", (), ())


async def test_a_stage_is_described_by_a_replica():
    stage = StageClient(handle_of(Handle(describe=Method(DESCRIPTION))), ScalingSettings().call_limits())
    assert await stage.describe(1) == DESCRIPTION


@pytest.mark.parametrize("error", [ActorDiedError(), failed(RuntimeError("x")), failed(Unavailable("x"))])
async def test_a_stage_that_cannot_be_described_is_unavailable(error):
    stage = StageClient(handle_of(Handle(describe=Method(error))), ScalingSettings().call_limits())
    with pytest.raises(Unavailable) as raised:
        await stage.describe(1)
    assert raised.value.message == "No replica of this model is ready."


async def test_a_silent_stage_is_unavailable_in_time():
    class Silent(Method):
        async def _answer(self, answer, *arguments):
            await asyncio.get_running_loop().create_future()

    stage = StageClient(handle_of(Handle(describe=Silent(None))), ScalingSettings().call_limits())
    with pytest.raises(Unavailable):
        await stage.describe(0.01)


async def test_items_that_travel_alone_go_to_their_method_one_by_one_and_are_refused_beyond_the_limit():
    gate = asyncio.Event()
    handle = Handle()
    handle.explain = Gated(gate, *[echo] * 4)
    limits = ScalingSettings(max_concurrent_requests=64).call_limits()
    stage = StageClient(handle_of(handle), limits, method="explain", max_alone=3)
    tasks = [asyncio.create_task(stage.submit(n)) for n in range(3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert [items for items, *_ in handle.explain.calls] == [[0], [1], [2]]
    with pytest.raises(Overloaded):
        await stage.submit(3)
    gate.set()
    assert [outcome.result for outcome in await asyncio.gather(*tasks)] == [0, 1, 2]
    assert (await stage.submit(4)).result == 4


async def test_items_that_do_not_travel_together_wait_for_a_call_of_their_own():
    gate = asyncio.Event()
    handle = Handle(score=Gated(gate, *[echo] * 3))
    scaling = ScalingSettings(max_concurrent_requests=2, max_queued_requests=1)
    stage = StageClient(handle_of(handle), scaling.call_limits(together=False))
    tasks = []
    for n in range(3):
        tasks.append(asyncio.create_task(stage.submit(n)))
        for _ in range(10):
            await asyncio.sleep(0)
    assert [items for items, *_ in handle.score.calls] == [[0], [1]]
    with pytest.raises(Overloaded):
        await stage.submit(3)
    gate.set()
    assert [outcome.result for outcome in await asyncio.gather(*tasks)] == [0, 1, 2]
