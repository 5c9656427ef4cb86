"""The stage in its caller's process, before a classifier that answers when the test lets it."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from deployments.contracts import Classes, EncodedImage, ImagePreset, ModelDescription, Outcome, Reply
from deployments.errors import Overloaded
from deployments.local_stage import LocalStage
from deployments.preprocess.deployment import Preprocess
from deployments.preprocess.settings import PreprocessSettings
from deployments.scaling import ScalingSettings
from deployments.stage_client import StageClient

PRESET = ImagePreset(232, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CALLS = ScalingSettings(max_concurrent_requests=4, max_queued_requests=1).call_limits()


class Classifier:
    """Takes calls, and holds them until the gate opens."""

    def __init__(self, gate):
        self.gate = gate

    async def score(self, images, waited_seconds, left_seconds=None):
        await self.gate.wait()
        classes = Classes([1], ["n1 cat"], [1.0])
        assert all(image.pixels.shape == (224, 224, 3) for image in images)
        return Reply([Outcome(classes) for _ in images], "here")

    explain = score

    async def describe(self):
        return ModelDescription("none", "trained", (), (), preset=PRESET)


@pytest.fixture
def gate():
    return asyncio.Event()


@pytest.fixture
async def handle(gate):
    arguments = (PreprocessSettings(), LocalStage("classifier", Classifier, (gate,)), CALLS, CALLS)
    return await LocalStage("preprocess", Preprocess, arguments).start()


@pytest.fixture(scope="module")
def photo():
    written = io.BytesIO()
    Image.fromarray(np.zeros((300, 300, 3), np.uint8)).save(written, "JPEG")
    return EncodedImage(written.getvalue())


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_image_is_decoded_and_classified(handle, gate, photo):
    gate.set()
    outcome = await StageClient(handle, CALLS).submit(photo)
    assert outcome.result.labels == ["n1 cat"]
    assert {"decode", "queue"} <= outcome.seconds.keys()


async def test_what_the_classifier_would_refuse_is_not_decoded(handle, gate, photo, monkeypatch):
    stage = StageClient(handle, ScalingSettings(max_concurrent_requests=10).call_limits(together=False))
    queue = handle._stage._classifier._coalescer
    tasks = []
    for expected in [(1, 0), (2, 0), (2, 1)]:
        tasks.append(asyncio.create_task(stage.submit(photo)))
        await until(lambda state=expected: (queue.calls_out, queue.waiting) == state)
    with monkeypatch.context() as patch:
        patch.delattr("deployments.preprocess.preparation.Preprocessor.prepare")
        assert isinstance((await stage.submit(photo)).result, Overloaded)
    gate.set()
    assert [(await task).result.labels for task in tasks] == [["n1 cat"]] * 3


async def test_its_metadata_names_files_beside_what_the_classifier_takes(handle):
    description = await StageClient(handle, CALLS).describe(1)
    assert [tensor.name for tensor in description.inputs] == ["image"]
    assert description.preset == PRESET


async def test_it_says_how_it_is_called_and_not_how_the_classifier_is(handle):
    assert (await StageClient(handle, CALLS).describe(1)).calls == CALLS
