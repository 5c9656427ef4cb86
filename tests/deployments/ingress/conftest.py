import asyncio
from dataclasses import replace

import httpx
import pytest

from deployments.contracts import (
    Classes,
    EncodedImage,
    Explanation,
    ImageExplanation,
    Matches,
    ModelDescription,
    Outcome,
    Tensor,
)
from deployments.errors import InvalidImage, InvalidInput, InvalidText, Overloaded, ScoringError, Unavailable
from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.body_memory import Held
from deployments.ingress.door import Door
from deployments.ingress.http_context import HttpContext
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings
from deployments.telemetry.observation import Observation

ORIGINALS = [(7, 70, 0.5, "Seven."), (8, 80, 0.3, None), (9, 90, 0.2, "Nine.")]
TRAINED_THRESHOLD = 0.4

# What is not about access asks for no key.
OPEN = AccessSettings(required=False)


class FaqStage:
    """Answers with three originals, best first, as far as they reach the threshold; refuses blank text."""

    weights = "trained"
    inputs = (Tensor("question", "BYTES", (-1,)),)
    outputs = (
        Tensor("ids", "INT64", (-1, -1)),
        Tensor("answer_ids", "INT64", (-1, -1)),
        Tensor("probabilities", "FP32", (-1, -1)),
        Tensor("matched", "BOOL", (-1,)),
    )

    def __init__(self):
        self.ready = True
        self.items = []
        self.error = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_full = False

    def check_room(self):
        if self.is_full:
            raise Overloaded("The queue is full.")

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        await self.gate.wait()
        if self.error:
            raise self.error
        if not item.text.strip():
            return Outcome(InvalidText("The text is empty."))
        return Outcome(self.match(item), {"infer": 0.001, "queue": 0.002})

    def match(self, item):
        least = TRAINED_THRESHOLD if item.threshold == "trained" else item.threshold or 0
        kept = [original for original in ORIGINALS[: item.top_k] if original[2] >= least]
        return Matches(
            [original[0] for original in kept],
            [original[1] for original in kept],
            [original[2] for original in kept],
            matched=bool(kept),
            answers=[original[3] for original in kept] if item.answers else None,
            explanations=[Explanation([(item.text, 1.5)], -0.5, 1.0) for _ in kept] if item.explain else None,
        )

    async def describe(self, timeout_seconds):
        if not self.ready:
            raise Unavailable("No replica of this model is ready.")
        return ModelDescription("sklearn", self.weights, self.inputs, self.outputs, {"originals": 3})


class ImageStage(FaqStage):
    """Answers with two classes; takes for an image what starts with IMG, and any pixels."""

    weights = "untrained"
    inputs = (Tensor("image", "BYTES", (-1,)), Tensor("pixels", "UINT8", (-1, 2, 2, 3)))
    outputs = (
        Tensor("class_ids", "INT64", (-1, -1)),
        Tensor("labels", "BYTES", (-1, -1)),
        Tensor("probabilities", "FP32", (-1, -1)),
    )

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        if self.error:
            raise self.error
        if isinstance(item, EncodedImage) and not item.content.startswith(b"IMG"):
            return Outcome(InvalidImage("This is not an image."))
        return Outcome(Classes([1, 2], ["n1 a", "n2 b"], [0.9, 0.1]), {"decode": 0.003, "infer": 0.004}, self.weights)


class ExplainingStage(ImageStage):
    """Explains the class of an index below 3, or the first."""

    async def submit(self, item, *, deadline=None):
        outcome = await super().submit(item, deadline=deadline)
        if isinstance(outcome.result, ScoringError):
            return outcome
        index = 1 if item.explain == "top" else item.explain
        if index > 2:
            return Outcome(InvalidInput(f"The model has no class {index} to explain; its classes are 0 to 2."))
        with_drop = {} if index == 2 else {"largest_drop": 0.25}
        method = "grad-cam" if index == 2 else "occlusion"
        found = ImageExplanation(index, f"n{index}", 0.5, method, [[0.0, 1.0]], heat_map=b"PNG", **with_drop)
        seconds = {"decode": 0.003, "explain": 0.5}
        return Outcome(replace(outcome.result, explanation=found), seconds, self.weights)


class Client:
    """Sends nothing more, and hangs up when told to."""

    def __init__(self):
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}


@pytest.fixture
def context_of():
    """Makes the context of a request over HTTP, in the task that answers it."""

    def context_of(receive=None, settings=None, memory=None, **headers):
        raw = [(name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()]
        scope = {"type": "http", "headers": raw, "query_string": b""}
        observation = Observation("reference", "POST", "/faq/score")
        receive = receive or Client().receive
        context = HttpContext(scope, receive, dict(raw), observation, settings or IngressSettings(), "id")
        context.held = Held(memory) if memory is not None else None
        return context

    return context_of


@pytest.fixture
def faq():
    return FaqStage()


@pytest.fixture
def image():
    return ImageStage()


@pytest.fixture
def explainer():
    return ExplainingStage()


@pytest.fixture
def limits():
    bounds = {"max_items_per_request": {"images": 3, "explained_images": 2, "questions": 5}}
    return {"settings": IngressSettings(max_body_mb=1, **bounds)}


@pytest.fixture
def application(faq, image, explainer, limits):
    table = ModelTable(
        [
            Model("faq", FAQ, {"1": Version("1", faq), "2": Version("2", faq)}),
            Model("image", IMAGE_CLASSES, {"1": Version("1", image, explainer)}),
        ]
    )
    return build_app(table, Door(lambda: limits["settings"].model_copy(update={"access": limits.get("access", OPEN)})))


@pytest.fixture
async def client(application):
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        yield client
