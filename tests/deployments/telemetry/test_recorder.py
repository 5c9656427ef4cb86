import logging

import pytest

from deployments.telemetry import recorder as recorder_module
from deployments.telemetry.instruments import LOST_OBSERVATIONS
from deployments.telemetry.observation import Observation
from deployments.telemetry.recorder import Recorder


def observed(number=0):
    return Observation("oip", "POST", f"/{number}")


def test_every_consumer_sees_every_observation_in_order():
    first, second = [], []
    recorder = Recorder([first.append, second.append])
    given = [observed(number) for number in range(100)]
    for each in given:
        recorder.record(each)
    assert first == []
    recorder.work()
    assert first == second == given


def test_its_thread_works_off_what_comes_and_stopping_works_off_the_rest():
    seen, ran = [], []
    recorder = Recorder([seen.append], [lambda: ran.append(1)])
    recorder.start()
    recorder.record(observed())
    recorder.stop()
    recorder.stop()
    assert len(seen) == 1
    assert ran == [1]


def test_a_consumer_that_fails_disturbs_no_other_and_says_so_once(caplog):
    def fail(_observation):
        raise ValueError("password=hunter2Horse")

    seen = []
    recorder = Recorder([fail, seen.append], [fail.__call__])
    with caplog.at_level(logging.WARNING, "ray.serve"):
        for number in range(3):
            recorder.record(observed(number))
        recorder.finish()
    assert len(seen) == 3
    assert len([line for line in caplog.messages if "ValueError" in line]) == 1
    assert "hunter2Horse" not in caplog.text


def test_too_many_are_counted_as_lost(monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 2)
    monkeypatch.setattr(LOST_OBSERVATIONS.switch, "on", True)
    LOST_OBSERVATIONS.take()
    seen = []
    recorder = Recorder([seen.append])
    for number in range(5):
        recorder.record(observed(number))
    recorder.work()
    assert len(seen) == 2
    assert LOST_OBSERVATIONS.take() == {(): 3}


def test_what_consumers_gather_is_flushed_after_every_few():
    seen, flushed = [], []
    recorder = Recorder([seen.append], flushes=[lambda: flushed.append(len(seen))])
    for number in range(40):
        recorder.record(observed(number))
    recorder.work()
    assert flushed == [32, 40]
    recorder.work()
    assert flushed == [32, 40]


@pytest.mark.parametrize("count", [1, 32, 33, 100])
def test_chunks_lose_nothing(count):
    seen = []
    recorder = Recorder([seen.append])
    for number in range(count):
        recorder.record(observed(number))
    recorder.work()
    assert len(seen) == count
