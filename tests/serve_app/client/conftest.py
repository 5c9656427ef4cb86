from dataclasses import dataclass, field

import pytest

from serve_app.client.steps import Acquire, Deadline, Run, Send, Sleep


class Time:
    """Seconds that grow when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def deadline(self, seconds):
        return Deadline(self.now + seconds, self)


class Lock:
    """Counts; nobody waits for it."""

    def __init__(self):
        self.held = 0

    def release(self):
        self.held -= 1


@dataclass
class Drive:
    """Does the steps of a call with replies that a test made, and keeps what was done."""

    time: Time = field(default_factory=Time)
    sent: list = field(default_factory=list)
    slept: list = field(default_factory=list)
    seconds_for_each: float = 0.0

    def __call__(self, steps, *replies):
        left = list(replies)
        try:
            step = next(steps)
            while True:
                outcome = self.do(step, left)
                step = steps.throw(outcome) if isinstance(outcome, Exception) else steps.send(outcome)
        except StopIteration as end:
            return end.value
        finally:
            self.left = left

    def do(self, step, left):
        match step:
            case Send():
                self.sent.append(step)
                self.time.now += self.seconds_for_each
                return left.pop(0)
            case Sleep(seconds):
                self.slept.append(seconds)
                self.time.now += seconds
            case Run(function):
                return function()
            case Acquire(lock, _):
                lock.held += 1
                assert lock.held == 1
        return None

    @property
    def credentials(self):
        return [step.headers.get("authorization") for step in self.sent]


@pytest.fixture
def drive():
    return Drive()


@pytest.fixture
def lock():
    return Lock()
