"""Where a network with real weights looks, on photos of which it is known where the animal is."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deployments.contracts import EncodedImage
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.explanation.explainer import Explainer
from deployments.image_classifier.settings import ExplanationSettings, ImageClassifierSettings
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

LYNX = 287


async def explained(classifier, prepared):
    with ThreadPoolExecutor(classifier.streams) as lanes:

        async def on_lane(function):
            return await asyncio.get_running_loop().run_in_executor(lanes, function)

        return await Explainer(classifier, ExplanationSettings(), classifier.batches(lanes), on_lane).explain(prepared)


@pytest.mark.parametrize(("engine", "method"), [("torch", "grad-cam"), ("openvino", "occlusion")])
def test_mobilenet_looks_at_the_face_of_the_lynx(shared_data, engine, method):
    if engine == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is not installed.")
    weights = shared_data / "weights" / "mobilenet_v2.pth"
    settings = ImageClassifierSettings(
        architecture="mobilenet_v2", weights="IMAGENET1K_V1", weights_uri=str(weights), engine=engine, precision="fp32"
    )
    classifier = ImageClassifier.load(settings, allow_untrained=False)
    photo = EncodedImage((shared_data / "images" / "lynx.jpg").read_bytes(), 1, "top")
    prepared = Preprocessor(PreprocessSettings(), classifier.describe().preset).prepare(photo).result
    outcome = asyncio.run(explained(classifier, prepared))
    explanation = outcome.result.explanation
    assert (explanation.class_index, explanation.method) == (LYNX, method)
    grid = np.array(explanation.grid)
    assert grid.shape == (7, 7)
    assert grid[1:4, 2:6].mean() > 2 * grid[4:].mean()
    assert grid[1:4, 2:6].mean() > 2 * grid[:, :2].mean()
