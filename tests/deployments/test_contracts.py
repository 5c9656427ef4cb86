import copy
import pickle

import numpy as np
import pytest

from deployments.contracts import (
    Classes,
    EncodedImage,
    Explanation,
    ImageExplanation,
    Matches,
    Outcome,
    PixelImage,
    PreparedImage,
    Question,
)
from deployments.errors import InvalidText

EXPLANATION = Explanation([("port", 1.5), ("the", -0.2)], -0.3, 1.0)
MATCHES = Matches([7], ["a7"], [0.5], matched=False, answers=[None], explanations=[EXPLANATION])


@pytest.mark.parametrize(
    "sent",
    [
        Question("x"),
        Question("x", 3, "trained", True, True),
        Matches([7], ["a7"], [0.5]),
        MATCHES,
        Classes([1], ["n1 a"], [0.9]),
        EncodedImage(b"IMG", 2),
        EncodedImage(b"IMG", 2, "top"),
        Classes([1], ["n1 a"], [0.9], ImageExplanation(1, "n1 a", 0.9, "occlusion", [[0.0, 1.0]], 0.4, b"PNG")),
        PixelImage(b"RGB", 1, 1, 2, 7),
        Outcome(MATCHES, {"infer": 0.5}, "untrained"),
    ],
)
def test_what_travels_arrives_as_it_left(sent):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(sent, protocol)) == sent  # noqa: S301
    assert copy.deepcopy(sent) == sent


def test_an_item_s_own_error_travels():
    outcome = pickle.loads(pickle.dumps(Outcome(InvalidText("The question is empty."))))  # noqa: S301
    assert outcome.result.message == "The question is empty."


def test_pixels_travel():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    image = pickle.loads(pickle.dumps(PreparedImage(pixels, 4, 7)))  # noqa: S301
    assert (image.pixels == pixels).all()
    assert (image.top_k, image.explain) == (4, 7)
