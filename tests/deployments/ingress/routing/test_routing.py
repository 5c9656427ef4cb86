"""The table as settings change, with applications and stages that the test plays."""

import asyncio
from dataclasses import dataclass, field

import pytest

from deployments.contracts import CallLimits, Matches, ModelDescription, Outcome, Question, Reply
from deployments.errors import NotFound, NotStarted, StartupError, Unavailable
from deployments.faq_matcher.kind import KIND
from deployments.ingress.routing import versions
from deployments.ingress.routing.routing import Applications, Routing
from deployments.ingress.routing.settings import parse_table
from deployments.ingress.routing.table import ModelTable
from deployments.kinds import Surroundings
from deployments.local_stage import LocalHandle, LocalStage

CALLS = CallLimits(replicas=1, concurrent=4, per_call=2)
QUESTION = Question("x")


class Stage:
    """Answers with its name; cannot be made where its settings say so."""

    def __init__(self, name, top_k, calls=CALLS):
        if top_k == 666:
            raise StartupError(f"{name} has no file.")
        if top_k == 667:
            raise ModuleNotFoundError("No module named 'numba'")
        self.name, self.calls = name, calls

    async def score(self, items, waited_seconds, left_seconds=None):
        return Reply([Outcome(Matches([1], [1], [1.0])) for _ in items], self.name)

    async def describe(self):
        return ModelDescription("none", "trained", (), (), {"name": self.name}, calls=self.calls)


@dataclass
class Ray:
    """The applications that run, and why others do not."""

    running: dict[str, Stage] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def connect(self, application, deployment):
        self.asked.append((application, deployment))
        if application not in self.running:
            raise Unavailable(f"There is no application {application}.")
        return LocalHandle(deployment, self.running[application])

    async def cause(self, application):
        return self.failed.get(application)


@pytest.fixture
def ray():
    return Ray()


@pytest.fixture
def made(monkeypatch):
    """Names of the stages that were made in this process."""
    made = []

    def local(name, version, surroundings):
        made.append(name)
        return LocalStage(name, Stage, (name, version.model.default_top_k))

    monkeypatch.setattr(KIND, "local", local)
    monkeypatch.setattr(versions, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(versions, "AFTER_FAILURE_SECONDS", 0)
    return made


@pytest.fixture
def table():
    return ModelTable()


@pytest.fixture
def routing(table, ray, made):
    return Routing(table, Surroundings(), Applications(ray.connect, ray.cause))


def settings(*versions, name="faq", **model):
    return parse_table({"models": [{"kind": "faq_matcher", "name": name, "versions": [*versions], **model}]}, {})


async def ready(version):
    async with asyncio.timeout(10):
        while True:
            try:
                return (await version.stage.describe(1)).parameters["name"]
            except NotStarted:
                raise
            except Unavailable:
                await asyncio.sleep(0)


async def failure(version):
    async with asyncio.timeout(10):
        while True:
            try:
                await version.stage.describe(1)
            except NotStarted as error:
                return error.message
            except Unavailable:
                await asyncio.sleep(0)


async def test_at_first_what_lives_here_is_loaded_before_requests_come(routing, table, made):
    await routing.apply(settings({"name": "1"}))
    assert made == ["faq-1"]
    assert (await table.find("faq").version().stage.submit(QUESTION)).result.ids == [1]


async def test_a_version_in_an_application_is_asked_when_that_runs(routing, table, ray):
    await routing.apply(settings({"name": "1", "application": "faq-one"}))
    version = table.find("faq").version()
    with pytest.raises(Unavailable, match="faq/1 is starting"):
        version.check_room()
    ray.running["faq-one"] = Stage("one", 1)
    assert await ready(version) == "one"
    assert set(ray.asked) == {("faq-one", "faq-one")}
    version.check_room()


async def test_an_application_that_fails_is_told_with_its_cause_and_asked_again(routing, table, ray):
    ray.failed["faq-one"] = "Name a file."
    await routing.apply(settings({"name": "1", "application": "faq-one"}))
    version = table.find("faq").version()
    assert await failure(version) == "faq/1 could not be started: Name a file."
    with pytest.raises(NotStarted, match=r"^faq/1 could not be started\.$"):
        await version.stage.submit(QUESTION)
    ray.failed.clear()
    ray.running["faq-one"] = Stage("one", 1)
    async with asyncio.timeout(10):
        while await table.not_ready(1):
            await asyncio.sleep(0)


async def test_an_application_that_fails_later_says_why(routing, table, ray, monkeypatch):
    ray.running["faq-one"] = Stage("one", 1)
    await routing.apply(settings({"name": "1", "application": "faq-one"}))
    version = table.find("faq").version()
    await ready(version)

    async def gone():
        raise Unavailable("No replica.")

    monkeypatch.setattr(ray.running["faq-one"], "describe", gone)
    with pytest.raises(Unavailable, match="No replica"):
        await version.stage.describe(1)
    ray.failed["faq-one"] = "Out of memory."
    assert await failure(version) == "faq/1 could not be started: Out of memory."


async def test_how_an_application_is_called_follows_what_it_says(routing, table, ray):
    ray.running["faq-one"] = stage = Stage("one", 1)
    await routing.apply(settings({"name": "1", "application": "faq-one"}))
    version = table.find("faq").version()
    await ready(version)
    assert version.explainer is None
    before = version.stage
    stage.calls = CallLimits(replicas=2, concurrent=8, per_call=4, explanations=3)
    await version.stage.describe(1)
    assert version.stage is not before
    assert version.explainer is not None


async def test_an_application_that_is_no_version_is_told(routing, table, ray):
    ray.running["faq-one"] = Stage("one", 1, calls=None)
    await routing.apply(settings({"name": "1", "application": "faq-one"}))
    assert "is no version of a model" in await failure(table.find("faq").version())


async def test_what_raises_anything_else_is_asked_again(routing, table, ray, caplog):
    class Broken(Stage):
        async def describe(self):
            ray.running["faq-one"] = Stage("one", 1)
            raise RuntimeError

    ray.running["faq-one"] = Broken("one", 1)
    await routing.apply(settings({"name": "1", "application": "faq-one"}))
    assert await ready(table.find("faq").version()) == "one"
    assert "faq/1 cannot be asked" in caplog.text


async def test_what_stays_is_neither_loaded_nor_asked_again(routing, table, made, ray):
    ray.running["faq-b"] = Stage("b", 1)
    both = [{"name": "a"}, {"name": "b", "application": "faq-b"}]
    await routing.apply(settings(*both))
    await ready(table.find("faq").version("b"))
    before = {name: table.find("faq").version(name) for name in "ab"}
    await routing.apply(settings(*both, {"name": "c"}, default="b"))
    assert {name: table.find("faq").version(name) for name in "ab"} == before
    assert table.find("faq").version() is before["b"]
    assert await ready(table.find("faq").version("c")) == "faq-c"
    assert made == ["faq-a", "faq-c"]
    assert len(ray.asked) == 1


async def test_a_version_with_other_settings_is_another(routing, table, made):
    await routing.apply(settings({"name": "1"}))
    before = table.find("faq").version()
    await routing.apply(settings({"name": "1", "model": {"default_top_k": 7}}))
    assert table.find("faq").version() is not before
    assert made == ["faq-1", "faq-1"]


async def test_what_is_removed_answers_what_is_under_way_and_nothing_else(routing, table):
    await routing.apply(settings({"name": "1"}, {"name": "2"}))
    version = table.find("faq").version("2")
    await routing.apply(settings({"name": "1"}))
    assert (await version.stage.submit(QUESTION)).result.ids == [1]
    with pytest.raises(NotFound, match="it has 1"):
        table.find("faq").version("2")


async def test_a_version_that_goes_before_it_started_is_asked_no_more(routing, table, ray):
    await routing.apply(settings({"name": "1"}, {"name": "2", "application": "never"}))
    await asyncio.sleep(0)
    await routing.apply(settings({"name": "1"}))
    await asyncio.sleep(0)
    asked = len(ray.asked)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(ray.asked) == asked


async def test_what_cannot_be_loaded_fails_alone(routing, table):
    await routing.apply(settings({"name": "1"}, {"name": "2", "model": {"default_top_k": 666}}))
    assert await ready(table.find("faq").version("1")) == "faq-1"
    assert await failure(table.find("faq").version("2")) == "faq/2 could not be started: faq-2 has no file."
    assert await table.not_ready(1) == ["faq/2"]
    assert await table.not_ready(1, with_causes=True) == ["faq/2 (faq/2 could not be started: faq-2 has no file)"]


@pytest.mark.parametrize("is_first", [True, False])
async def test_any_error_of_a_model_is_its_own_and_is_told(routing, table, is_first):
    good, bad = {"name": "1"}, {"name": "2", "model": {"default_top_k": 667}}
    if not is_first:
        await routing.apply(settings(good))
    await routing.apply(settings(good, bad))
    told = await failure(table.find("faq").version("2"))
    assert told == "faq/2 could not be started: ModuleNotFoundError: No module named 'numba'"
    assert await ready(table.find("faq").version("1")) == "faq-1"


async def test_a_service_of_which_nothing_can_be_loaded_does_not_start(routing):
    with pytest.raises(StartupError, match="faq-1 has no file"):
        await routing.apply(settings({"name": "1", "model": {"default_top_k": 666}}))


async def test_defaults_for_what_a_request_holds_come_with_the_table(routing, table):
    config = {"models": [{"kind": "faq_matcher", "name": each} for each in ("a", "b")], "default_models": {"text": "b"}}
    await routing.apply(parse_table(config, {}))
    assert table.defaults == {"text": "b"}


def test_a_table_that_is_not_valid_names_what_and_where():
    with pytest.raises(StartupError, match=r"models\.0\.versions\.0\.modle: unknown key"):
        settings({"name": "1", "modle": {}})
    with pytest.raises(StartupError, match="faq/1: model belongs to the args of the application"):
        settings({"name": "1", "application": "faq-1", "model": {}})
    with pytest.raises(StartupError, match="faq/1: scaling needs an application"):
        settings({"name": "1", "scaling": {}})
    with pytest.raises(StartupError, match="the environment variable DIR is not set"):
        settings({"name": "1", "model": {"model_dir": "${DIR}"}})
