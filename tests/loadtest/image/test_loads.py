import base64
import json

import pytest

from loadtest.errors import BenchmarkError
from loadtest.generator.load_kinds import Sources
from loadtest.generator.scenarios import scenarios
from loadtest.image import loads as module


@pytest.fixture
def sources(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"\xff\xd8 a photo")
    (photos / "b.png").write_bytes(b"a picture")
    return Sources({"image": photos}, {"image": "photos"}, version="7")


def one(name, sources):
    return scenarios([name], sources)[0]


def test_images_are_the_users_own(sources):
    raw, text = one("image", sources), one("image-json", sources)
    assert [request.body for request in raw.requests] == [b"\xff\xd8 a photo", b"a picture"]
    assert [request.headers["Content-Type"] for request in raw.requests] == ["image/jpeg", "image/png"]
    assert base64.b64decode(json.loads(text.requests[0].body)["input"]["image"]) == raw.requests[0].body
    assert one("image-version", sources).requests[0].path.startswith("/photos/versions/7/score")


def test_binary_tensors_follow_their_json(sources):
    request = one("oip-image-binary", sources).requests[0]
    length = int(request.headers["Inference-Header-Content-Length"])
    tensor = json.loads(request.body[:length])["inputs"][0]
    rest = request.body[length:]
    assert tensor["parameters"]["binary_data_size"] == len(rest)
    assert rest == len(b"\xff\xd8 a photo").to_bytes(4, "little") + b"\xff\xd8 a photo"


def test_refuses_more_images_than_workers_should_hold(sources, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 4)
    with pytest.raises(BenchmarkError, match="every worker holds them"):
        scenarios(["image"], sources)
