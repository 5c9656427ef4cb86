import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from deployments.contracts import ImagePreset, PreparedImage
from deployments.errors import InvalidInput, ModelError, RequestTimeout
from deployments.image_classifier import batching
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.explanation.explainer import Explainer
from deployments.image_classifier.settings import ExplanationSettings
from deployments.image_classifier.torchvision_networks.classification import Classification

SMALL = ImagePreset(8, 8, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
WHITE = PreparedImage(np.full((8, 8, 3), 255, np.uint8), 1, "top")
CLASSES = [f"n{index}" for index in range(10)]


class OnlyInference:
    """An engine without Grad-CAM, as OpenVINO and ONNX Runtime are."""

    def __init__(self, engine):
        self._engine = engine
        self.describe = engine.describe
        self.streams, self.max_batch = engine.streams, engine.max_batch

    def infer(self, batch):
        return self._engine.infer(batch)


class WhiteOrNot:
    """An engine that sees how much of an image is white, as class 2 of 3; can be told to fail."""

    streams, max_batch = 1, 32

    def __init__(self):
        self.batches = []
        self.answer = lambda white: np.stack([(1 - white) / 2, (1 - white) / 2, white], axis=1)

    def infer(self, batch):
        self.batches.append(len(batch))
        return self.answer((batch == 255).mean(axis=(1, 2, 3))).astype(np.float32)

    def describe(self):
        return {"engine": "openvino", "device": "cpu"}


class Steps(ThreadPoolExecutor):
    """Where the engine's steps run; a closed gate keeps them waiting."""

    def __init__(self):
        super().__init__(1)
        self.open = threading.Event()
        self.open.set()
        self.asked = 0

    def submit(self, function, *args):
        self.asked += 1
        return super().submit(self._run, function, args)

    def _run(self, function, args):
        assert self.open.wait(60)
        return function(*args)

    async def on_engine(self, function):
        return await asyncio.get_running_loop().run_in_executor(self, function)


def explainer_for(engine, labels, preset, steps=None, **limits):
    classifier = ImageClassifier(engine, labels, preset, weights="trained", parameters={})
    return explainer_of(classifier, steps or Steps(), **limits)


def explainer_of(classifier, steps, **limits):
    return Explainer(classifier, ExplanationSettings(**limits), classifier.batches(steps), steps.on_engine)


def white_or_not(engine=None, steps=None, **limits):
    return explainer_for(engine or WhiteOrNot(), ["a", "b", "white"], SMALL, steps, **{"grid": 4, **limits})


def kinds_of(graph):
    torch_engine = TorchEngine(graph, 224, threads=1)
    return {"grad-cam": torch_engine, "occlusion": OnlyInference(torch_engine)}


def share(grid, rows, columns):
    """What part of a grid's heat lies in a part of the image, given as shares of its sides."""
    grid = np.asarray(grid)
    top, bottom = (round(end * grid.shape[0]) for end in rows)
    left, right = (round(end * grid.shape[1]) for end in columns)
    return grid[top:bottom, left:right].sum() / grid.sum()


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
async def test_heat_lies_in_the_quadrant_that_the_network_looks_at(quadrant, preset, noise, method, place):
    explainer = explainer_for(kinds_of(quadrant(*place, seed=1))[method], CLASSES, preset, grid=8)
    outcome = await explainer.explain(PreparedImage(noise, 2, "top"))
    explanation = outcome.result.explanation
    assert explanation.method == method
    assert (explanation.class_index, explanation.label) == (outcome.result.indices[0], outcome.result.labels[0])
    assert explanation.probability == outcome.result.probabilities[0]
    inside = [(half / 2, half / 2 + 0.5) for half in place]
    # A patch that covers a cell outside reaches half a cell over the border.
    assert share(explanation.grid, *inside) > (0.999 if method == "grad-cam" else 0.6)
    far = [(0, 0.25) if half else (0.75, 1) for half in place]
    assert share(explanation.grid, far[0], (0, 1)) == share(explanation.grid, (0, 1), far[1]) == 0


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
async def test_each_class_is_seen_where_it_is(colours, preset, red_and_blue, method):
    explainer = explainer_for(kinds_of(colours)[method], ["red", "blue"], preset, grid=7)
    found = {}
    for asked in ("top", 0, 1):
        outcome = await explainer.explain(PreparedImage(red_and_blue, 1, asked))
        assert outcome.result.labels == ["red"]
        found[asked] = outcome.result.explanation
    assert found["top"] == found[0]
    assert (found[1].class_index, found[1].label) == (1, "blue")
    assert found[0].probability + found[1].probability == pytest.approx(1)
    assert share(found[0].grid, (0, 0.5), (0, 0.5)) > 0.95
    assert share(found[1].grid, (0.5, 1), (0.5, 1)) > 0.95


async def test_the_grid_times_the_largest_drop_is_how_far_the_probability_falls():
    explanation = (await white_or_not().explain(WHITE)).result.explanation
    grid = np.array(explanation.grid)
    assert grid.shape == (4, 4)
    assert grid.max() == 1
    # Of 8 x 8 pixels a patch covers 4 x 4, at a corner 3 x 3.
    assert explanation.largest_drop == pytest.approx(16 / 64)
    assert grid[0, 0] * explanation.largest_drop == pytest.approx(9 / 64, abs=1e-4)
    assert all(type(number) is float for row in explanation.grid for number in row)


async def test_where_nothing_speaks_for_a_class_all_is_cold():
    outcome = await white_or_not().explain(PreparedImage(WHITE.pixels, 1, 0))
    assert np.array(outcome.result.explanation.grid).tolist() == [[0.0] * 4] * 4
    assert outcome.result.explanation.largest_drop == 0


async def test_top_k_is_of_the_classes_and_not_of_the_explanation():
    outcome = await white_or_not().explain(PreparedImage(WHITE.pixels, 2, 1))
    assert outcome.result.indices == [2, 0]
    assert outcome.result.explanation.class_index == 1
    assert outcome.weights == "trained"
    assert outcome.seconds.keys() == {"queue", "explain"}


@pytest.mark.parametrize("index", [3, 1000, -1])
async def test_a_class_that_the_model_does_not_have_is_refused_before_any_work(index):
    steps = Steps()
    outcome = await white_or_not(steps=steps).explain(PreparedImage(WHITE.pixels, 1, index))
    assert isinstance(outcome.result, InvalidInput)
    assert outcome.result.message == f"The model has no class {index} to explain; its classes are 0 to 2."
    assert steps.asked == 0


async def test_an_image_of_another_shape_is_refused():
    outcome = await white_or_not().explain(PreparedImage(np.zeros((9, 8, 3), np.uint8), 1, "top"))
    assert isinstance(outcome.result, InvalidInput)


@pytest.mark.parametrize(("seconds", "together"), [(0, 1), (3600, 5)])
async def test_the_cost_is_an_inference_for_each_cell_and_the_engine_is_free_in_between(monkeypatch, seconds, together):
    monkeypatch.setattr(batching, "BACKGROUND_SECONDS", seconds)
    engine, steps = WhiteOrNot(), Steps()
    await white_or_not(engine, steps, grid=5).explain(WHITE)
    assert engine.batches == [1] + [together] * (25 // together)
    assert steps.asked == len(engine.batches)


async def test_other_requests_get_in_between(monkeypatch):
    monkeypatch.setattr(batching, "BACKGROUND_SECONDS", 0)
    engine, steps = WhiteOrNot(), Steps()
    classifier = ImageClassifier(engine, ["a", "b", "white"], SMALL, weights="trained", parameters={})
    batches = classifier.batches(steps)
    running = asyncio.create_task(
        Explainer(classifier, ExplanationSettings(grid=28), batches, steps.on_engine).explain(WHITE)
    )
    while len(engine.batches) < 3:
        await asyncio.sleep(0)
    await classifier.classify([PreparedImage(WHITE.pixels)], batches)
    assert not running.done()
    assert (await running).result.explanation.method == "occlusion"


async def test_only_so_many_are_worked_on_at_once():
    engine, steps = WhiteOrNot(), Steps()
    steps.open.clear()
    explainer = white_or_not(engine, steps, at_once=2)
    running = [asyncio.create_task(explainer.explain(WHITE)) for _ in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    steps.open.set()
    outcomes = await asyncio.gather(*running)
    # Those that are begun in the same turn share a batch, as requests do.
    assert engine.batches[0] == 2
    assert len({outcome.result.explanation.largest_drop for outcome in outcomes}) == 1


async def test_one_that_is_given_up_costs_nothing_more_and_makes_room():
    engine, steps = WhiteOrNot(), Steps()
    explainer = white_or_not(engine, steps)
    running = asyncio.create_task(explainer.explain(WHITE))
    while len(engine.batches) < 3:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    # Comes after whatever is in the network or was handed to it since.
    for _ in range(3):
        await steps.on_engine(lambda: None)
    assert len(engine.batches) <= 4
    assert (await explainer.explain(WHITE)).result.explanation is not None


async def test_one_that_takes_too_long_ends_and_makes_room():
    steps = Steps()
    steps.open.clear()
    explainer = white_or_not(steps=steps, timeout_seconds=0.01)
    outcome = await explainer.explain(WHITE)
    assert isinstance(outcome.result, RequestTimeout)
    assert outcome.result.message == "The explanation was not ready within 0.01 seconds."
    patient = white_or_not(steps=steps)
    steps.open.set()
    assert (await patient.explain(WHITE)).result.explanation is not None
    assert not explainer._slots.locked()


def failing(white):
    raise RuntimeError("out of memory at /srv/secret")


@pytest.mark.parametrize("answer", [failing, lambda white: np.full((len(white), 3), np.nan)])
async def test_a_network_that_fails_is_an_error_of_the_model(answer):
    engine = WhiteOrNot()
    first = engine.answer
    # The whole image is classified, a covered one is not.
    engine.answer = lambda white: first(white) if white[0] == 1 else answer(white)
    outcome = await white_or_not(engine).explain(WHITE)
    assert isinstance(outcome.result, ModelError)
    assert "secret" not in outcome.result.message


async def test_an_untrained_network_is_explained_too(graph_of, preset, noise):
    engine = TorchEngine(graph_of("squeezenet1_1"), 224, threads=1)
    classifier = ImageClassifier(engine, CLASSES, preset, weights="untrained", parameters={})
    outcome = await explainer_of(classifier, Steps()).explain(PreparedImage(noise, 1, "top"))
    assert outcome.weights == "untrained"
    assert outcome.result.explanation.method == "grad-cam"


async def test_without_a_feature_map_it_is_occlusion():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
    engine = TorchEngine(Classification(network, SMALL), 8, threads=1)
    outcome = await explainer_for(engine, ["a", "b", "c"], SMALL, grid=2).explain(WHITE)
    assert outcome.result.explanation.method == "occlusion"
    assert np.shape(outcome.result.explanation.grid) == (2, 2)
