"""The sample kinds (tests/kinds) behind the application, without Ray."""

import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from deployments.contracts import ModelDescription, Outcome
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings
from deployments.tensor_model.runner import Runner

KINDS = Path(__file__).parents[2] / "kinds"


@pytest.fixture(scope="session")
def sample():
    """The modules of both kinds."""
    sys.path.insert(0, str(KINDS))
    import sample_kinds
    import sample_models

    yield SimpleNamespace(kinds=sample_kinds, models=sample_models)
    sys.path.remove(str(KINDS))


class Stage:
    """A model behind its runner."""

    def __init__(self, model, signature):
        self.runner = Runner(model, signature)
        self.signature = signature
        self.items = []

    def check_room(self):
        pass

    async def submit(self, item, *, deadline=None):
        self.items.append(item)
        (result,) = self.runner.run([item])
        return Outcome(result, {"infer": 0.001})

    async def describe(self, timeout_seconds):
        return ModelDescription("python", "trained", self.signature.inputs, self.signature.outputs)


@pytest.fixture
def stages(sample):
    words, sums = sample.kinds.WORDS, sample.kinds.SUMS
    return {
        "words": Stage(sample.models.WordCounter(SimpleNamespace(language="en")), words.interface().signature),
        "sums": Stage(sample.models.WeightedSum(None), sums.interface().signature),
    }


@pytest.fixture
def table(sample, stages):
    interfaces = {"words": sample.kinds.WORDS.interface(), "sums": sample.kinds.SUMS.interface()}
    return ModelTable([Model(name, interfaces[name], {"1": Version("1", stages[name])}) for name in stages])


@pytest.fixture
def door():
    settings = IngressSettings(access=AccessSettings(required=False), max_body_mb=1)
    return Door(lambda: settings)


@pytest.fixture
async def client(table, door):
    transport = httpx.ASGITransport(build_app(table, door), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        yield client
