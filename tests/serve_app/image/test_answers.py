import pytest

from serve_app.client import UnexpectedResponse
from serve_app.image import answers


@pytest.mark.parametrize("classes", [{}, {"b": []}, {"a": [], "b": []}])
def test_answers_are_for_the_images_that_were_sent(reply, classes):
    with pytest.raises(UnexpectedResponse):
        answers.read_images(reply(200, {"result": [classes, "Computed"]}), ["a"])


def test_a_heat_map_that_is_no_base64_is_unexpected(reply):
    told = {"class_index": 1, "label": "a", "probability": 1, "method": "occlusion", "grid": [[1]], "heat_map_png": "?"}
    content = {"result": [{"image": [["a", 1.0]]}, "Computed"], "explanations": {"image": told}}
    with pytest.raises(UnexpectedResponse, match="base64"):
        answers.read_image(reply(200, content))
