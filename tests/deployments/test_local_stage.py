import time

import pytest

from deployments.contracts import ModelDescription, Outcome, Reply
from deployments.errors import InvalidText, ModelError, RequestTimeout
from deployments.local_stage import LocalStage
from deployments.scaling import ScalingSettings
from deployments.stage_client import StageClient

DESCRIPTION = ModelDescription("none", "trained", (), ())


class Stage:
    def __init__(self, prefix="", *, suffix=""):
        self.prefix, self.suffix = prefix, suffix

    async def score(self, items, waited_seconds, left_seconds=None):
        assert len(items) == len(waited_seconds) == len(left_seconds)
        return Reply([Outcome(self._scored(item)) for item in items], "here")

    def _scored(self, item):
        if item == "bad":
            return InvalidText("bad")
        if item == "broken":
            raise RuntimeError("password=hunter2")
        return self.prefix + item + self.suffix

    async def describe(self):
        return DESCRIPTION


class SlowToStart(Stage):
    """Has to ask another stage before it is ready."""

    def __init__(self, behind):
        self.behind = behind
        self.is_ready = False

    async def start(self):
        self.is_ready = await self.behind.describe() == DESCRIPTION

    async def score(self, items, waited_seconds, left_seconds=None):
        assert self.is_ready
        return await self.behind.call("score", items, waited_seconds, left_seconds)


class AtOnce(Stage):
    """Answers within the call what it is quick with."""

    def score_now(self, items):
        return None if "long" in items else [Outcome(f"at once: {self._scored(item)}") for item in items]


async def client(stage=Stage, *arguments, **keywords):
    handle = await LocalStage("stage", stage, arguments, keywords).start()
    return StageClient(handle, ScalingSettings(max_concurrent_requests=8).call_limits())


async def test_a_local_stage_is_asked_as_any_other():
    stage = await client(Stage, "<", suffix=">")
    assert (await stage.submit("x")).result == "<x>"
    assert await stage.describe(1) == DESCRIPTION


async def test_an_item_has_its_own_error():
    stage = await client()
    assert isinstance((await stage.submit("bad")).result, InvalidText)


async def test_a_stage_that_raises_is_an_error_of_the_model_and_shows_nothing_of_it(caplog):
    stage = await client()
    with pytest.raises(ModelError) as raised:
        await stage.submit("broken")
    assert "hunter2" not in raised.value.message + caplog.text
    assert "RuntimeError" in caplog.text
    assert (await stage.submit("x")).result == "x"


async def test_a_stage_is_ready_when_those_behind_it_and_itself_are():
    stage = await client(SlowToStart, LocalStage("behind", Stage, ("<",)))
    assert (await stage.submit("x")).result == "<x"


async def test_what_does_not_start_says_why():
    with pytest.raises(TypeError):
        await client(Stage, unknown=1)


async def test_an_idle_stage_that_is_quick_answers_at_once_and_else_is_called():
    stage = await client(AtOnce)
    assert (await stage.submit("x")).result == "at once: x"
    assert (await stage.submit("long")).result == "long"
    with pytest.raises(ModelError):
        await stage.submit("broken")


async def test_what_comes_too_late_is_not_answered_at_once_either():
    stage = await client(AtOnce)
    with pytest.raises(RequestTimeout):
        await stage.submit("x", deadline=time.monotonic())
