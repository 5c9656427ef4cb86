"""The real ingress with stages of its own, on the loopback address."""

import asyncio
import inspect
import threading
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import uvicorn

from deployments.contracts import Classes, Explanation, ImageExplanation, Matches, ModelDescription, Outcome, Tensor
from deployments.errors import InvalidImage, InvalidText
from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings
from deployments.tensor_model.runner import Runner

KINDS = Path(__file__).parents[2] / "kinds"

ORIGINALS = [(7, 70, 0.5, "Seven."), ("8", "80", 0.3, None)]
HEAT_MAP = b"\x89PNG heat map"


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

    async def describe(self, timeout_seconds):
        inputs = Tensor("image", "BYTES", (-1,), "image/*"), Tensor("pixels", "UINT8", (-1, 4, 4, 3))
        outputs = Tensor("class_ids", "INT64", (-1, -1)), Tensor("labels", "BYTES", (-1, -1))
        return ModelDescription("torch", "untrained", inputs, outputs)


class ExplainingStage(ImageStage):
    async def submit(self, item, *, deadline=None):
        outcome = await super().submit(item, deadline=deadline)
        index = 1 if item.explain == "top" else item.explain
        found = ImageExplanation(index, f"n{index}", 0.9, "occlusion", [[0.0, 1.0]], 0.25, HEAT_MAP)
        classes = outcome.result
        result = Classes(classes.indices, classes.labels, classes.probabilities, found)
        return Outcome(result, outcome.seconds, outcome.weights)


class SignatureStage:
    """A model that is known by its signature alone, behind its runner."""

    def __init__(self, model, signature):
        self.items = []
        self.signature = signature
        self._runner = Runner(model, signature)

    def check_room(self):
        """There is always room."""

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        (result,) = self._runner.run([item])
        return Outcome(result, {"infer": 0.001})

    async def describe(self, timeout_seconds):
        return ModelDescription("python", "trained", self.signature.inputs, self.signature.outputs)


def sample(name):
    """Import a module of the sample kinds, without making them installed ones."""
    spec = spec_from_file_location(name, KINDS / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sample_models():
    kinds, models = sample("sample_kinds"), sample("sample_models")
    words, sums = kinds.WORDS.interface(), kinds.SUMS.interface()
    counter = models.WordCounter(SimpleNamespace(language="en"))
    return [
        Model("words", words, {"1": Version("1", SignatureStage(counter, words.signature))}),
        Model("sums", sums, {"1": Version("1", SignatureStage(models.WeightedSum(None), sums.signature))}),
    ]


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
                *sample_models(),
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
