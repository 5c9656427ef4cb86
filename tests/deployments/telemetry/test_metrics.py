import gc
import threading

import pytest

from deployments.telemetry.instruments import QUOTA_FAILURES, REGISTRY, count_quota_storage_failure
from deployments.telemetry.metrics import MAX_OBSERVATIONS, Registry


@pytest.fixture
def registry():
    registry = Registry()
    registry.switch_on()
    return registry


class Owner:
    value = 2.0


def test_nothing_is_gathered_while_nobody_exports():
    registry = Registry()
    counter, histogram = registry.counter("c", "C.", ()), registry.histogram("h", "H.", (), (1.0,))
    counter.add(1, ())
    histogram.observe(1, ())
    assert counter.take() == {}
    assert histogram.take() == []


def test_a_counter_gives_what_was_added_since_the_last_time(registry):
    counter = registry.counter("c", "C.", ("a",))
    counter.add(1, ("x",))
    counter.add(2, ("x",))
    counter.add(5, ("y",))
    assert counter.take() == {("x",): 3, ("y",): 5}
    assert counter.take() == {}


def test_a_counter_loses_nothing_between_threads(registry):
    counter = registry.counter("c", "C.", ())
    taken = []
    stop = threading.Event()

    def add():
        for _ in range(20_000):
            counter.add(1, ())

    def take():
        while not stop.is_set():
            taken.append(counter.take())

    taker = threading.Thread(target=take)
    adders = [threading.Thread(target=add) for _ in range(4)]
    for thread in (taker, *adders):
        thread.start()
    for thread in adders:
        thread.join()
    stop.set()
    taker.join()
    taken.append(counter.take())
    assert sum(each.get((), 0) for each in taken) == 80_000


def test_a_histogram_gives_each_value_once_and_is_bounded(registry):
    histogram = registry.histogram("h", "H.", ("a",), (1.0, 2.0))
    histogram.observe(0.5, ("x",))
    assert histogram.take() == [(("x",), 0.5)]
    for number in range(MAX_OBSERVATIONS + 3):
        histogram.observe(number, ("x",))
    kept = histogram.take()
    assert len(kept) == MAX_OBSERVATIONS
    assert kept[0] == (("x",), 3)


def test_a_gauge_adds_up_equal_labels_and_forgets_what_is_gone(registry):
    gauge = registry.gauge("g", "G.", ("a",))
    owners = [Owner(), Owner(), Owner()]
    for owner, label in zip(owners, ("x", "x", "y"), strict=True):
        gauge.watch(owner, (label,), lambda watched: watched.value)
    assert gauge.read() == {("x",): 4.0, ("y",): 2.0}
    del owner, owners[0]
    gc.collect()
    assert gauge.read() == {("x",): 2.0, ("y",): 2.0}


def test_names_are_those_that_prometheus_wants():
    names = [each.name for each in REGISTRY.instruments]
    assert len(set(names)) == len(names)
    assert all(name.startswith("scoring_") and not name.endswith("_total") for name in names)
    assert all(each.description.endswith(".") for each in REGISTRY.instruments)


def test_a_failure_of_the_quotas_storage_is_counted_by_what_came_of_it(monkeypatch):
    monkeypatch.setattr(QUOTA_FAILURES.switch, "on", True)
    QUOTA_FAILURES.take()
    count_quota_storage_failure("open")
    count_quota_storage_failure("closed")
    count_quota_storage_failure("closed")
    assert QUOTA_FAILURES.take() == {("open",): 1, ("closed",): 2}
