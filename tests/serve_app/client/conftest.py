import asyncio
import inspect
import json
import threading
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn

from deployments.contracts import Classes, Explanation, ImageExplanation, Matches, ModelDescription, Outcome, Tensor
from deployments.errors import InvalidImage, InvalidText
from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings
from serve_app.client import AsyncScoringClient, ScoringClient
from serve_app.client.steps import Acquire, Deadline, Reply, Run, Send, Sleep

ORIGINALS = [(7, 70, 0.5, "Seven."), ("8", "80", 0.3, None)]
HEAT_MAP = b"\x89PNG heat map"


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


@pytest.fixture
def reply():
    def reply(status=200, content=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Reply(status, httpx.Headers(named), body)

    return reply


@pytest.fixture
def problem(reply):
    def problem(status, code="some_code", **headers):
        content = {
            "type": "about:blank",
            "title": "Title",
            "status": status,
            "detail": "One sentence.",
            "code": code,
            "request_id": "r-1",
        }
        return reply(status, content, content_type="application/problem+json", **headers)

    return problem


class FaqStage:
    """Answers with two originals as far as they reach the threshold; refuses blank text, waits where it is told to."""

    def __init__(self):
        self.items = []
        self.errors = []

    def check_room(self):
        """There is always room; what is refused is refused as it is submitted."""

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        if self.errors:
            raise self.errors.pop(0)
        if item.text == "for ever":
            await asyncio.Event().wait()
        if not item.text.strip():
            return Outcome(InvalidText("The text is empty."))
        least = 0.4 if item.threshold == "trained" else item.threshold or 0
        kept = [original for original in ORIGINALS[: item.top_k] if original[2] >= least]
        ids, answer_ids, probabilities, answers = [list(column) for column in zip(*kept, strict=True)] or ([],) * 4
        told = [Explanation([(item.text, 1.5), ("port", -0.5)], 0.25, 1.25) for _ in kept] if item.explain else None
        matches = Matches(
            ids,
            answer_ids,
            probabilities,
            matched=bool(kept),
            answers=answers if item.answers else None,
            explanations=told,
        )
        return Outcome(matches, {"infer": 0.001})

    async def describe(self, timeout_seconds):
        if self.errors:
            raise self.errors.pop(0)
        tensors = (Tensor("question", "BYTES", (-1,)),), (Tensor("ids", "INT64", (-1, -1)),)
        return ModelDescription("numba", "trained", *tensors, {"originals": 2})


class ImageStage(FaqStage):
    """Takes for an image what starts with IMG; its first class is named after the rest."""

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        if self.errors:
            raise self.errors.pop(0)
        if not item.content.startswith(b"IMG"):
            return Outcome(InvalidImage("This is not an image."))
        labels = [f"n1 {item.content[3:].decode()}", "n2 b", "n3 c", "n4 d"][: item.top_k]
        classes = Classes([1, 2, 3, 4][: item.top_k], labels, [0.9, 0.06, 0.03, 0.01][: item.top_k])
        return Outcome(classes, {"decode": 0.003}, "untrained")


class ExplainingStage(ImageStage):
    async def submit(self, item, *, deadline=None):
        outcome = await super().submit(item, deadline=deadline)
        index = 1 if item.explain == "top" else item.explain
        found = ImageExplanation(index, f"n{index}", 0.9, "occlusion", [[0.0, 1.0]], 0.25, HEAT_MAP)
        classes = outcome.result
        result = Classes(classes.indices, classes.labels, classes.probabilities, found)
        return Outcome(result, outcome.seconds, outcome.weights)


class Loopback:
    """The real ingress with stages of its own, on the loopback address."""

    def __init__(self, access):
        self.faq, self.image, self.explainer = FaqStage(), ImageStage(), ExplainingStage()
        self.settings = IngressSettings(access=access, max_body_mb=1, max_items_per_request={"questions": 5})
        self.requests = []
        table = ModelTable(
            [
                Model("faq", FAQ, {"1": Version("1", self.faq), "2": Version("2", self.faq)}),
                Model("image", IMAGE_CLASSES, {"1": Version("1", self.image, self.explainer)}),
            ]
        )
        self._app = build_app(table, Door(lambda: self.settings))
        self._server = uvicorn.Server(
            uvicorn.Config(self._application, port=0, interface="asgi3", log_level="error", lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._started = threading.Event()
        startup = self._server.startup

        async def started(sockets=None):
            await startup(sockets)
            self._started.set()

        self._server.startup = started
        self._thread.start()
        assert self._started.wait(30)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def _application(self, scope, receive, send):
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["path"], headers))
        await self._app(scope, receive, send)

    @property
    def paths(self):
        return [path for path, _ in self.requests]

    def close(self):
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def directory(tmp_path):
    return AccessDirectory(tmp_path / "access")


@pytest.fixture
def serve_on_loopback(directory, monkeypatch):
    # Whatever proxy the machine has.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = []

    def serve(*, required):
        running.append(Loopback(AccessSettings(required=required, directory=directory.path)))
        return running[-1]

    yield serve
    for each in running:
        each.close()


@pytest.fixture
def loopback(serve_on_loopback):
    return serve_on_loopback(required=False)


@pytest.fixture
def guarded(serve_on_loopback, directory):
    directory.create("somebody", ["scoring.invoke"])
    return serve_on_loopback(required=True)


class Either:
    """A client of either kind whose calls are made in the same way."""

    def __init__(self, kind, *arguments, **options):
        self.client = kind(*arguments, **options)

    def __getattr__(self, name):
        async def call(*arguments, **options):
            method = getattr(self.client, name)
            if inspect.iscoroutinefunction(method):
                return await method(*arguments, **options)
            return await asyncio.to_thread(method, *arguments, **options)

        return call


@pytest.fixture(params=[ScoringClient, AsyncScoringClient], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
async def connect(kind):
    """Make a client of each kind in turn."""
    made = []

    def connect(url, **options):
        made.append(Either(kind, url, **options))
        return made[-1]

    yield connect
    for client in made:
        await client.close()
