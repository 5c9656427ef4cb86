import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.image_classifier import batching
from deployments.image_classifier.batching import BatchRunner

SIDE = 2

# An image of these pixels makes the network fail.
BAD = 255

# Of no image but the one that follows all others.
NEXT = 254

VALUES = sorted({*range(BAD + 1)} - {NEXT})


def images(*values):
    return np.stack([np.full((SIDE, SIDE, 3), value, np.uint8) for value in values])


def expected(pixels):
    """Mean and largest of each image's pixels: as many answers as images, each its image's own."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    return np.stack([flat.mean(1), flat.max(1)], axis=1)


class Network:
    """Computes `expected`, each batch when the test lets it."""

    def __init__(self, *, gated=False):
        self.batches = []
        self.running = 0
        self.most_running = 0
        self.started = threading.Semaphore(0)
        self.gate = threading.Semaphore(0 if gated else 1_000_000)
        self._lock = threading.Lock()

    def infer(self, pixels):
        with self._lock:
            self.batches.append(pixels[:, 0, 0, 0].tolist())
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.started.release()
        self.gate.acquire()
        with self._lock:
            self.running -= 1
        if (pixels == BAD).any():
            raise RuntimeError(f"cannot run {len(pixels)} images")
        return expected(pixels)

    async def has_started(self, batches=1):
        for _ in range(batches):
            assert await asyncio.to_thread(self.started.acquire, timeout=30)

    def let(self, batches=1):
        self.gate.release(batches)


@pytest.fixture
def start():
    """Make a runner of a network, with threads for its lanes."""
    pools = []

    def make(network, *, count=1, max_batch=4):
        pools.append(ThreadPoolExecutor(count))
        return BatchRunner(network.infer, pools[-1], count=count, max_batch=max_batch)

    yield make
    for pool in pools:
        pool.shutdown()


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


def infer(runner, *values, urgent=True):
    return asyncio.create_task(runner.infer(images(*values), urgent=urgent))


async def test_a_lone_call_is_answered_with_its_times(start):
    network = Network()
    answer = await start(network).submit(images(3, 5))
    np.testing.assert_array_equal(answer.probabilities, [[3, 3], [5, 5]])
    assert network.batches == [[3, 5]]
    assert answer.queue_seconds >= 0
    assert answer.infer_seconds >= 0


async def test_calls_that_wait_are_joined_and_each_gets_its_own(start):
    network = Network(gated=True)
    runner = start(network)
    first = infer(runner, 1)
    await network.has_started()
    rest = [infer(runner, 2), infer(runner, 3, 4)]
    await turns()
    assert network.batches == [[1]]
    network.let(2)
    answers = await asyncio.gather(first, *rest)
    assert [answer[:, 0].tolist() for answer in answers] == [[1], [2], [3, 4]]
    assert network.batches == [[1], [2, 3, 4]]


async def test_calls_of_one_turn_share_a_batch(start):
    network = Network()
    runner = start(network)
    await asyncio.gather(infer(runner, 1), infer(runner, 2))
    assert network.batches == [[1, 2]]


async def test_a_call_longer_than_a_batch_takes_several_in_order(start):
    network = Network()
    answer = await start(network, max_batch=2).infer(images(1, 2, 3, 4, 5))
    assert answer[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert network.batches == [[1, 2], [3, 4], [5]]


async def test_free_lanes_share_what_waits(start):
    network = Network(gated=True)
    runner = start(network, count=2, max_batch=8)
    call = infer(runner, 1, 2, 3, 4, 5)
    await network.has_started(2)
    assert sorted(network.batches) == [[1, 2, 3], [4, 5]]
    network.let(2)
    assert (await call)[:, 0].tolist() == [1, 2, 3, 4, 5]


async def test_a_lane_that_is_free_takes_what_comes_while_another_works(start):
    network = Network(gated=True)
    runner = start(network, count=2)
    calls = [infer(runner, 1)]
    await network.has_started()
    calls.append(infer(runner, 2))
    await network.has_started()
    assert network.running == 2
    network.let(2)
    await asyncio.gather(*calls)


async def test_a_call_that_fails_has_its_own_error_and_its_neighbours_none(start):
    network = Network(gated=True)
    runner = start(network)
    first = infer(runner, 1)
    await network.has_started()
    rest = [infer(runner, 2), infer(runner, BAD), infer(runner, 3)]
    await turns()
    network.let(9)
    _, good, bad, other = await asyncio.gather(first, *rest, return_exceptions=True)
    assert (good.tolist(), other.tolist()) == ([[2, 2]], [[3, 3]])
    assert isinstance(bad, RuntimeError)
    # Together, then each apart, once.
    assert network.batches == [[1], [2, BAD, 3], [2], [BAD], [3]]


async def test_a_lone_call_that_fails_is_not_run_again(start):
    network = Network()
    runner = start(network, max_batch=1)
    with pytest.raises(RuntimeError, match="cannot run 1 images"):
        await runner.infer(images(BAD, 2, 3))
    # What was left of it is dropped.
    assert (await runner.infer(images(7))).tolist() == [[7, 7]]
    assert network.batches == [[BAD], [7]]


async def test_a_wrong_number_of_answers_is_an_error(start):
    network = Network()
    network.infer = lambda pixels: expected(pixels)[1:]
    with pytest.raises(RuntimeError, match="1 answers to 2 images"):
        await start(network).infer(images(1, 2))


async def test_a_cancelled_call_leaves_the_queue(start):
    network = Network(gated=True)
    runner = start(network)
    first = infer(runner, 1)
    await network.has_started()
    cancelled, stays = infer(runner, 2, 3), infer(runner, 4)
    await turns()
    cancelled.cancel()
    await turns()
    network.let(2)
    await asyncio.gather(first, stays)
    assert network.batches == [[1], [4]]


async def test_a_call_that_is_cancelled_in_the_network_harms_nobody(start):
    network = Network(gated=True)
    runner = start(network)
    cancelled, stays = infer(runner, 1), infer(runner, 2)
    await network.has_started()
    cancelled.cancel()
    network.let(1)
    assert (await stays).tolist() == [[2, 2]]
    assert cancelled.cancelled()
    network.let(1)
    # The lane is free again.
    assert (await runner.infer(images(3))).tolist() == [[3, 3]]


async def test_urgent_calls_go_before_the_rest(start):
    network = Network(gated=True)
    runner = start(network)
    first = infer(runner, 1)
    await network.has_started()
    explanation = infer(runner, 11, 12, urgent=False)
    urgent = infer(runner, 2)
    await turns()
    network.let(1)
    await network.has_started()
    assert network.batches == [[1], [2]]
    later = infer(runner, 3)
    await turns()
    network.let(9)
    answers = await asyncio.gather(first, urgent, later, explanation)
    assert network.batches[2] == [3]
    assert answers[3][:, 0].tolist() == [11, 12]


async def test_the_rest_runs_in_batches_of_bounded_duration(start, monkeypatch):
    monkeypatch.setattr(batching, "BACKGROUND_SECONDS", 0)
    network = Network()
    answer = await start(network).infer(images(1, 2, 3), urgent=False)
    assert answer[:, 0].tolist() == [1, 2, 3]
    assert network.batches == [[1], [2], [3]]
    monkeypatch.setattr(batching, "BACKGROUND_SECONDS", 3600)
    network = Network()
    await start(network, max_batch=4).infer(images(*range(9)), urgent=False)
    # How long they take is known after the first.
    assert network.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8]]


async def test_the_rest_leaves_a_lane_to_urgent_calls(start):
    network = Network(gated=True)
    runner = start(network, count=2)
    explanation = infer(runner, 1, 2, urgent=False)
    await network.has_started()
    await turns()
    assert network.running == 1
    urgent = infer(runner, 3)
    await network.has_started()
    assert network.batches == [[1], [3]]
    network.let(9)
    await asyncio.gather(explanation, urgent)


@st.composite
def workloads(draw):
    calls = draw(st.lists(st.lists(st.sampled_from(VALUES), min_size=1, max_size=9), min_size=1, max_size=15))
    places = st.sets(st.integers(0, len(calls) - 1))
    pauses = draw(st.lists(st.integers(0, 3), min_size=len(calls), max_size=len(calls)))
    return {
        "calls": calls,
        "pauses": pauses,
        "cancel": draw(places),
        "background": draw(places),
        "count": draw(st.integers(1, 3)),
        "max_batch": draw(st.integers(1, 7)),
    }


@given(workloads())
@settings(max_examples=150, deadline=None)
def test_every_call_is_answered_once_by_its_own(workload):
    network = Network()
    with ThreadPoolExecutor(workload["count"]) as lanes:
        asyncio.run(_run(workload, network, lanes))
    assert network.most_running <= workload["count"]
    assert all(1 <= len(batch) <= workload["max_batch"] for batch in network.batches)


async def _run(workload, network, lanes):
    runner = BatchRunner(network.infer, lanes, count=workload["count"], max_batch=workload["max_batch"])
    tasks = []
    for index, (values, pause) in enumerate(zip(workload["calls"], workload["pauses"], strict=True)):
        tasks.append(infer(runner, *values, urgent=index not in workload["background"]))
        await turns(pause)
        if index in workload["cancel"]:
            tasks[-1].cancel()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
    for index, (answer, values) in enumerate(zip(answers, workload["calls"], strict=True)):
        if isinstance(answer, asyncio.CancelledError):
            assert index in workload["cancel"]
        elif BAD in values:
            assert isinstance(answer, RuntimeError)
        else:
            np.testing.assert_array_equal(answer, expected(images(*values)))
    # Nothing is left that would share a batch.
    assert (await asyncio.wait_for(runner.infer(images(NEXT)), 60)).tolist() == [[NEXT, NEXT]]
    assert [NEXT] in network.batches
