"""The code that all servers share: the FAQ's object, the network's preprocessing, the forms of requests."""

import json
from io import BytesIO

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from deployments.contracts import EncodedImage, ImagePreset, Question
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings
from loadtest.payloads import generated_photo
from loadtest.peers.models.faq import Faq
from loadtest.peers.models.network import prepare
from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import FaqService, answer

TEXTS = ["stop the service", "change the port", "another model"]
PRESET = {"resize": 232, "crop": 224, "interpolation": "bilinear"}


@pytest.fixture
def file(tmp_path):
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, [0, 1, 2])
    joblib.dump({"pipeline": pipeline, "ids": [1, 2, 3], "answer_ids": [11, 12, 13]}, tmp_path / "faq.joblib")
    return tmp_path / "faq.joblib"


def test_the_best_originals_come_first(file):
    stop, port = Faq(file).match(["stop", "which port"], top_k=2)
    assert (stop[0][:2], port[0][:2]) == ((1, 11), (2, 12))
    assert stop[0][2] > stop[1][2]


def test_questions_together_are_answered_as_alone(file):
    faq = Faq(file)
    together = faq.match(TEXTS)
    for text, found in zip(TEXTS, together, strict=True):
        (alone,) = faq.match([text])
        assert [row[:2] for row in alone] == [row[:2] for row in found]
        assert [row[2] for row in alone] == pytest.approx([row[2] for row in found])


def test_a_body_becomes_an_answer(file):
    service = FaqService(Options("faq", str(file)))
    question = service.read(b'{"input": "stop", "top_k": 3}')
    assert json.loads(answer(service.score([question])[0]))["result"][0][:2] == [1, 11]


def test_ours_gives_the_objects_answers(file):
    from loadtest.in_process.same_object_app import SameObject

    faq = Faq(file)
    matches = SameObject(faq).score([Question("stop", top_k=2), Question("port", top_k=1), Question("port")])
    assert [len(each.ids) for each in matches] == [2, 1, 3]
    assert matches[0].ids[0] == 1
    assert matches[0].answer_ids[0] == 11
    assert matches[0].probabilities == [probability for *_, probability in faq.match(["stop"], 2)[0]]


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (224, 224), (301, 1023), (90, 60)])
def test_pixels_are_those_of_the_product(size):
    buffer = BytesIO()
    Image.open(BytesIO(generated_photo())).resize(size).save(buffer, "JPEG")
    preset = ImagePreset(232, 224, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    ours = Preprocessor(PreprocessSettings(scaled_decoding=False), preset)
    product = ours.prepare(EncodedImage(buffer.getvalue())).result.pixels
    assert np.array_equal(prepare(buffer.getvalue(), PRESET), product)
