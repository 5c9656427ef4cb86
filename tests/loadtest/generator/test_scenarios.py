import json

import pytest

from loadtest.errors import BenchmarkError
from loadtest.generator.bad_requests import TOO_LARGE_BYTES
from loadtest.generator.load_kinds import Sources
from loadtest.generator.scenarios import known_scenarios, scenarios


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "questions.txt").write_text("What is it?\nWhy?\n")
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"\xff\xd8 a photo")
    (photos / "b.png").write_bytes(b"a picture")
    data = {"faq": tmp_path / "questions.txt", "image": photos}
    return Sources(data, {"faq": "help", "image": "photos"}, version="7")


def one(name, sources, **more):
    return scenarios([name], sources, **more)[0]


@pytest.mark.parametrize("name", known_scenarios())
def test_every_scenario_has_requests(name, sources):
    found = one(name, sources, with_bad=True)
    assert found.requests
    for request in found.requests:
        assert request.path.startswith("/")
        assert "{" not in request.path
        assert bool(request.body) is (request.method == "POST")
    assert bool(found.bad_requests) is (found.requests[0].method == "POST")


def test_bad_requests_are_wrong_in_several_ways(sources):
    bad = one("faq", sources, with_bad=True).bad_requests
    broken, wrong_type, lacking, large = bad
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.body)
    assert json.loads(wrong_type.body)["input"] == 5
    assert "input" not in json.loads(lacking.body)
    assert large.declared_bytes == TOO_LARGE_BYTES > len(large.body)
    assert one("faq", sources).bad_requests == []


def test_paths_and_files_of_the_users_own(tmp_path, sources):
    (tmp_path / "body.json").write_text('{"x": 1}')
    get, post = scenarios(["/metrics=2", f"/my/model@{tmp_path / 'body.json'}=0.5"], sources)
    assert (get.requests[0].method, get.requests[0].path, get.weight) == ("GET", "/metrics", 2)
    assert (post.requests[0].method, post.requests[0].path, post.weight) == ("POST", "/my/model", 0.5)
    assert post.requests[0].headers == {"Content-Type": "application/json"}
    assert post.requests[0].body == b'{"x": 1}'


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["nothing"], "no scenario 'nothing'"),
        (["faq=much"], "is no weight"),
        (["faq=0"], "is no weight"),
        (["faq=nan"], "is no weight"),
        (["faq", "faq=2"], "named twice"),
        (["/x@/no/such/file"], "cannot be read"),
        (["/x y"], "no scenario"),
    ],
)
def test_refuses_what_is_no_scenario(texts, said, sources):
    with pytest.raises(BenchmarkError, match=said):
        scenarios(texts, sources)


def test_a_kind_that_is_not_there_is_told():
    with pytest.raises(BenchmarkError, match="no kind of load 'other'; there are faq, image"):
        Sources({"other": "file"})
    assert Sources().model("faq") == "faq"
