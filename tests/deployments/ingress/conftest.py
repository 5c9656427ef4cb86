import asyncio

import httpx
import pytest

from deployments.contracts import Classes, Matches, ModelDescription, Outcome, Tensor
from deployments.errors import InvalidImage, InvalidText, Unavailable
from deployments.ingress.app import build_app
from deployments.ingress.models import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings


class FaqStage:
    """Answers with three originals; refuses blank text."""

    weights = "trained"

    def __init__(self):
        self.ready = True
        self.items = []
        self.error = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        await self.gate.wait()
        if self.error:
            raise self.error
        if not item.text.strip():
            return Outcome(InvalidText("The text is empty."))
        k = item.top_k or 3
        matches = Matches([7, 8, 9][:k], [70, 80, 90][:k], [0.5, 0.3, 0.2][:k])
        return Outcome(matches, {"infer": 0.001, "queue": 0.002})

    async def describe(self, timeout_seconds):
        if not self.ready:
            raise Unavailable("No replica of this model is ready.")
        tensors = (Tensor("question", "BYTES", (-1,)),)
        return ModelDescription("sklearn", self.weights, tensors, (), {"originals": 3})


class ImageStage(FaqStage):
    """Answers with two classes; takes for an image what starts with IMG."""

    weights = "untrained"

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        if self.error:
            raise self.error
        if not item.content.startswith(b"IMG"):
            return Outcome(InvalidImage("This is not an image."))
        return Outcome(Classes([1, 2], ["n1 a", "n2 b"], [0.9, 0.1]), {"decode": 0.003, "infer": 0.004}, self.weights)


@pytest.fixture
def faq():
    return FaqStage()


@pytest.fixture
def image():
    return ImageStage()


@pytest.fixture
def limits():
    return {"settings": IngressSettings(max_body_mb=1, max_images_per_request=3)}


@pytest.fixture
def application(faq, image, limits):
    table = ModelTable(
        [
            Model("faq", "text", {"1": Version("1", faq), "2": Version("2", faq)}),
            Model("image", "images", {"1": Version("1", image)}),
        ]
    )
    return build_app(table, lambda: limits["settings"])


@pytest.fixture
async def client(application):
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        yield client
