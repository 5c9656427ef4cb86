import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.batch_curve import (
    ENOUGH,
    LONGEST_SECONDS,
    BatchSpeed,
    follow_curve,
    measure_curve,
    pick_size,
    told,
)
from deployments.image_classifier.engines.probe import probe


def curve_of(*images_per_second):
    return [BatchSpeed(2**place, 2**place / speed, speed) for place, speed in enumerate(images_per_second)]


def follow(*images_per_second, **options):
    """Follow a curve of known speeds, where sizes beyond them are as fast as the last."""
    asked = []

    def seconds_of(size):
        asked.append(size)
        place = min(size.bit_length() - 1, len(images_per_second) - 1)
        return size / images_per_second[place]

    return follow_curve(seconds_of, **options), asked


@pytest.mark.parametrize(
    ("speeds", "size"),
    [
        ([18.0, 18.3, 19.3, 19.3], 4),
        ([45.0, 45.5, 46.0], 1),
        ([100, 190, 360, 640, 900, 940], 16),
        ([50, 40, 30], 1),
        ([50], 1),
    ],
)
def test_the_smallest_size_near_the_best_is_picked(speeds, size):
    assert pick_size(curve_of(*speeds)) == size


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=6))
def test_nothing_smaller_is_near_the_best(speeds):
    curve = curve_of(*speeds)
    picked = pick_size(curve)
    for speed in curve:
        if speed.size < picked:
            assert speed.images_per_second < ENOUGH * max(speeds)
        if speed.size == picked:
            assert speed.images_per_second >= ENOUGH * max(speeds)


def test_sizes_double_to_the_largest():
    curve, asked = follow(100, 200, 400, 800, 1600, 3200, 6400, largest=20)
    assert asked == [1, 2, 4, 8, 16]
    assert [speed.images_per_second for speed in curve] == [100, 200, 400, 800, 1600]


def test_it_ends_where_throughput_has_stopped_growing():
    assert follow(100, 150, 150, 149)[1] == [1, 2, 4, 8]
    # One disturbed measurement does not end it.
    assert follow(100, 90, 150, 300, 300, 300)[1] == [1, 2, 4, 8, 16, 32]


def test_it_ends_before_a_batch_would_take_too_long():
    curve, asked = follow(5, 6, 7, 8)
    assert asked == [1, 2, 4]
    assert curve[-2].seconds < LONGEST_SECONDS
    assert follow(0.1)[1] == [1]


def test_several_streams_add_up():
    curve, _ = follow(10, streams=3, largest=1)
    assert curve == [BatchSpeed(1, 0.1, 30)]


def test_the_curve_is_told_by_size():
    assert told(curve_of(45.12, 51)) == "1: 45.1, 2: 51.0"


class Engine:
    """Adds up pixels; notes who asks for what."""

    max_batch = 4

    def __init__(self, streams):
        self.streams = streams
        self.sizes = set()
        self.threads = set()
        self.meet = threading.Barrier(streams)

    def infer(self, batch):
        self.sizes.add(len(batch))
        if threading.get_ident() not in self.threads:
            # Only if every stream is used at the same time, all get past this.
            self.meet.wait(30)
            self.threads.add(threading.get_ident())
        return batch.reshape(len(batch), -1).sum(1, keepdims=True).astype("float32")


def test_one_stream_is_measured_on_the_thread_that_calls():
    engine = Engine(1)
    curve = measure_curve(engine, 8, largest=4)
    assert [speed.size for speed in curve] == [1, 2, 4][: len(curve)]
    assert engine.threads == {threading.get_ident()}
    assert engine.sizes == {speed.size for speed in curve}
    assert all(speed.seconds > 0 and speed.images_per_second == speed.size / speed.seconds for speed in curve)


def test_several_streams_are_measured_while_all_are_busy():
    engine = Engine(2)
    (speed,) = measure_curve(engine, 8, largest=1)
    assert len(engine.threads) >= 2
    assert threading.get_ident() not in engine.threads
    assert speed.images_per_second == 2 / speed.seconds


def test_probes_are_of_the_size_asked_for():
    assert probe(8, 3).shape == (3, 8, 8, 3)
