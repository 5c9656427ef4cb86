import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier import tuning
from deployments.image_classifier.tuning import Ran, Setting, Trial, best_of, shares, sizes, tune


class Engine:
    """Adds up pixels; notes who asks for how much."""

    max_batch = 32

    def __init__(self, streams=1):
        self.streams = streams
        self.sizes = []
        self.threads = {threading.get_ident()}
        self.running = self.most_running = 0
        self._lock = threading.Lock()

    def infer(self, batch):
        with self._lock:
            self.sizes.append(len(batch))
            self.threads.add(threading.get_ident())
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        sums = batch.reshape(len(batch), -1).sum(1, keepdims=True).astype(np.float32)
        with self._lock:
            self.running -= 1
        return sums


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tuning, "LEAST_SECONDS", 0.02)


def trial(in_flight=1, *, p99=10.0, speed=100.0, alone=5.0):
    return Trial(Setting(2, 1, 1, in_flight), alone, p99 / 2, p99, speed)


def test_pairs_to_try():
    assert shares(2, takes_streams=False) == [(2, 1), (1, 1)]
    assert shares(2, takes_streams=True) == [(2, 1), (1, 1), (2, 2)]
    assert shares(1, takes_streams=True) == [(1, 1)]
    assert (8, 4) in shares(8, takes_streams=True)
    assert (7, 8) not in shares(8, takes_streams=True)


@given(st.integers(1, 200))
def test_no_pair_has_more_streams_than_threads_or_threads_than_cpus(cpus):
    pairs = shares(cpus, takes_streams=True)
    assert len(set(pairs)) == len(pairs)
    assert pairs[0] == (cpus, 1)
    assert all(1 <= streams <= threads <= cpus for threads, streams in pairs)


def test_sizes_hold_one_for_each_stream_first_and_then_twice_what_batches_hold():
    assert sizes(1, 4) == [(1, 1), (1, 2), (2, 4), (4, 8)]
    assert sizes(3, 2) == [(1, 3), (1, 6), (2, 12)]
    assert sizes(1, 5)[-1] == (4, 8)


def test_the_highest_throughput_that_holds_is_best():
    low, high, late = trial(1, speed=100), trial(2, speed=150), trial(4, speed=200, p99=51)
    assert best_of([low, high, late], 50) is high
    assert best_of([low, high, late], 51) is late
    assert best_of([late], 50) is None
    assert best_of([], 50) is None


def test_of_several_as_good_the_fastest_for_one_request_is_best():
    slow, fast = trial(2, speed=100, alone=9), trial(1, speed=98, alone=5)
    assert best_of([slow, fast], 50) is fast
    assert best_of([slow, trial(1, speed=90, alone=5)], 50) is slow


def summed_up(latencies):
    return Trial.of(Setting(2, 1, 1, 1), 0.5, Ran(latencies, 100.0))


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_p99_is_a_latency_that_99_percent_do_not_exceed(latencies):
    found = summed_up(latencies).p99_ms
    assert found in [each * 1e3 for each in latencies]
    assert sum(each * 1e3 <= found for each in latencies) >= 0.99 * len(latencies) * (1 - 1e-9)


def test_p99_of_few_samples_is_the_largest():
    few = summed_up([3.0, 1.0, 2.0])
    assert (few.alone_ms, few.p50_ms, few.p99_ms, few.images_per_second) == (500, 2000, 3000, 100)
    assert summed_up([float(value) for value in range(1, 201)]).p99_ms == 198_000


def test_every_pair_is_measured_with_more_and_more_in_flight():
    engines = {}

    def open_engine(threads, streams):
        engines[threads, streams] = Engine(streams)
        return engines[threads, streams]

    told = []
    pairs = [(2, 1), (2, 2)]
    trials = list(
        tune(open_engine, pairs, side=8, p99_ms=1e9, seconds=1, progress=lambda done, total: told.append((done, total)))
    )
    assert {(each.setting.threads, each.setting.streams) for each in trials} == set(pairs)
    for streams in (1, 2):
        measured = [each.setting for each in trials if each.setting.streams == streams]
        assert [(each.max_batch, each.in_flight) for each in measured] == sizes(streams)[: len(measured)]
        assert len(measured) >= 2
    for each in trials:
        assert 0 < each.p50_ms <= each.p99_ms
        assert each.alone_ms > 0
        assert each.images_per_second > 0
    # One stream stays on the thread that loaded the engine; never are more used than there are.
    assert len(engines[2, 1].threads) == 1
    assert engines[2, 1].most_running == 1
    assert engines[2, 2].most_running <= 2
    assert max(engines[2, 1].sizes) == max(each.setting.max_batch for each in trials if each.setting.streams == 1)
    assert told == sorted(told)
    assert told[-1] == (told[-1][1], told[-1][1])


def test_more_in_flight_is_not_tried_where_p99_is_beyond():
    trials = list(tune(lambda _threads, streams: Engine(streams), [(2, 1), (1, 1)], side=8, p99_ms=1e-9, seconds=1))
    assert [(each.setting.threads, each.setting.in_flight) for each in trials] == [(2, 1), (1, 1)]


def test_no_pair_is_begun_when_the_time_is_over():
    trials = list(tune(lambda _threads, streams: Engine(streams), [(2, 1), (1, 1)], side=8, p99_ms=1e9, seconds=0))
    assert {each.setting.threads for each in trials} == {2}


def test_work_outside_comes_before_each_request():
    engine, asked = Engine(), []

    async def outside():
        asked.append(len(engine.sizes))

    list(tune(lambda *_: engine, [(1, 1)], side=8, p99_ms=1e-9, seconds=1, outside=outside))
    # Each image but those of warming up, once alone and once with more.
    assert len(asked) == sum(engine.sizes) - 2


def test_a_network_that_fails_is_an_error():
    class Failing(Engine):
        def infer(self, batch):
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        list(tune(lambda *_: Failing(), [(1, 1)], side=8, p99_ms=1, seconds=1))
