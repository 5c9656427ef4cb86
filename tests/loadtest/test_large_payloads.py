import base64
import io
import json

import pytest
from PIL import Image

from loadtest.large_payloads import Asked, Found, bare, in_json, png_of, report
from loadtest.open_loop import Timed


@pytest.mark.parametrize("size", [30_000, 1_000_000, 5_000_000])
def test_an_image_is_nearly_as_large_as_it_may_be_and_is_an_image(size):
    file = png_of(size)
    assert 0.95 * size < len(file) <= size
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        assert image.width == image.height


def test_bodies_keep_within_their_size():
    assert len(bare(1).content) <= 2**20
    body = in_json(1)
    assert 0.95 * 2**20 < len(body.content) <= 2**20
    assert base64.b64decode(json.loads(body.content)["input"]["photo"]).startswith(b"\x89PNG")


def test_the_report_tells_who_had_to_ask_again():
    asked = [Asked([200], 1.0), Asked([503, 503, 200], 4.0), Asked([503, 0], 9.0)]
    health = [Timed(0, 0.002, 200), Timed(1, 1.004, 503)]
    figures = {
        name: figure for _, name, figure in report([Found("JSON", 2**20, asked, health, 10, 30, [("HAProxy", 5)])]).rows
    }
    assert figures["status at first: 503"] == "2"
    assert figures["answered, when asked again where refused"] == "2 of 3"
    assert figures["until the last answer, s"] == "9.0"
    assert figures["health checks that failed"] == "1 of 2"
    assert figures["HAProxy at the most, MiB"] == "5"
