import json
import os

import httpx
import pytest
from typer.testing import CliRunner

from serve_app.client import ScoringClient
from serve_app.score.commands import app

KEY = "scoring_0123456789abcdef_" + "s" * 43
ROWS = [[7, 70, 0.75], ["8", "80", 0.25]]
PNG = "iVBORw=="


class Service:
    """Answers as the service does, and keeps the requests."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self.code = "some_code"
        self.failure = None
        self.matched = True
        self.answer = "Seven\x1b[31m."
        self.label = "n1 lynx"

    def __call__(self, request):
        self.requests.append(request)
        if self.failure:
            raise self.failure
        if self.status != 200:
            problem = {"detail": "One sentence.", "code": self.code, "request_id": "r-1"}
            return httpx.Response(self.status, json=problem)
        if request.url.path.startswith("/faq"):
            return self.respond(self.faq(json.loads(request.content)), "faq", "trained")
        if request.content.startswith(b"GIF"):
            problem = {"detail": "This is not an image.", "code": "invalid_image", "request_id": "r-2"}
            return httpx.Response(422, json=problem)
        return self.respond(self.image(request), "image", "untrained")

    def respond(self, content, model, weights):
        headers = {"x-model-name": model, "x-model-version": "1", "x-model-weights": weights, "x-request-id": "r"}
        return httpx.Response(200, json=content, headers=headers)

    def faq(self, asked):
        count = len(asked["input"])
        rows = ROWS if self.matched else []
        content = {"result": [[rows] * count, "Computed in 1.0 ms"], "matched": [self.matched] * count}
        if asked.get("answers"):
            content["answers"] = [[self.answer, None][: len(rows)]] * count
        if asked.get("explain"):
            told = {"terms": [["port", 1.5], ["a", -0.25]], "other": 0.0, "score": 1.25}
            content["explanations"] = [[told] * len(rows)] * count
        return content

    def image(self, request):
        content = {"result": [{"image": [[self.label, 0.75], ["n2 cat", 0.25]]}, "Computed in 1.0 ms"]}
        if "explain" in request.url.params:
            told = {"class_index": 1, "label": "n1", "probability": 0.75, "method": "occlusion", "grid": [[1.0]]}
            content["explanations"] = {"image": {**told, "heat_map_png": PNG}}
        return content

    @property
    def asked(self):
        return [json.loads(request.content) for request in self.requests]


@pytest.fixture
def service(monkeypatch):
    service = Service()
    made = ScoringClient.__init__

    def init(self, *arguments, **options):
        made(self, *arguments, **options, http=httpx.Client(transport=httpx.MockTransport(service)))

    monkeypatch.setattr(ScoringClient, "__init__", init)
    for name in [name for name in os.environ if name.startswith("SCORING_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    return service


@pytest.fixture
def run(service):
    def run(*arguments, stdin=None):
        return CliRunner().invoke(app, [*map(str, arguments)], input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def photo(tmp_path):
    def photo(name, content=b"IMG"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return photo


def lines(result):
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def ended(result, code):
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_matches_are_a_table(run, service):
    result = run("faq", "port?", "--answers", "--explain")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["Original", "Answer", "Probability", "Text", "Why"]
    assert rows[1] == ["7", "70", "75.0%", "Seven�[31m.", "port", "+1.50,", "a", "-0.25"]
    assert rows[2][:3] == ["8", "80", "25.0%"]
    assert service.asked == [{"input": ["port?"], "top_k": 5, "answers": True, "explain": True}]


def test_options_go_to_the_service(run, service):
    run("faq", "a", "--top-k", 2, "--threshold", "trained", "--model", "m", "--version", "2", "--url", "http://s/p/")
    run("faq", "a", "--threshold", 0.5)
    assert str(service.requests[0].url) == "http://s/p/m/versions/2/score"
    assert service.asked[0] == {"input": ["a"], "top_k": 2, "threshold": "trained"}
    assert service.asked[1]["threshold"] == 0.5


def test_no_match_is_said(run, service):
    service.matched = False
    assert run("faq", "a").stdout == "No match.\n"
    (told,) = lines(run("faq", "a", "--json"))
    assert (told["matched"], told["matches"]) == (False, [])


def test_questions_come_from_a_file_or_from_standard_input(run, service, tmp_path):
    (tmp_path / "q.txt").write_text("\ufefffirst\n\n second \n", encoding="utf-8")
    result = run("faq", "--file", tmp_path / "q.txt")
    assert "first\nOriginal" in result.stdout
    assert "second\nOriginal" in result.stdout
    run("faq", "--file", "-", stdin="third\n")
    run("faq", stdin="fourth\n")
    assert [asked["input"] for asked in service.asked] == [["first", "second"], ["third"], ["fourth"]]


def test_many_questions_are_sent_in_several_requests(run, service):
    told = lines(run("faq", "--json", stdin="".join(f"{number}\n" for number in range(250))))
    assert [each["question"] for each in told] == [str(number) for number in range(250)]
    assert [len(asked["input"]) for asked in service.asked] == [100, 100, 50]


def test_programs_get_a_line_for_each_question(run):
    told = lines(run("faq", "a", "b", "--json", "--answers", "--explain"))
    assert [each["question"] for each in told] == ["a", "b"]
    why = {"terms": [["port", 1.5], ["a", -0.25]], "other": 0.0, "score": 1.25}
    first = {"id": 7, "answer_id": 70, "probability": 0.75, "answer": "Seven\x1b[31m.", "explanation": why}
    assert told[0]["matches"][0] == first
    assert "answer" not in told[0]["matches"][1]
    assert {name: told[0][name] for name in ("model", "version", "weights", "request_id")} == {
        "model": "faq",
        "version": "1",
        "weights": "trained",
        "request_id": "r",
    }


def test_classes_are_a_table_with_bars(run, photo):
    result = run("image", photo("a.jpg"))
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[1:]
    assert first.split()[:3] == ["n1", "lynx", "75.0%"]
    assert first.count("█") == 22
    assert second.count("█") == 7
    assert "a.jpg" not in result.stdout
    assert "untrained" in result.stderr


def test_an_image_that_is_refused_does_not_keep_the_others_back(run, photo):
    files = photo("a.jpg"), photo("b.gif", b"GIF"), photo("c.jpg")
    result = run("image", *files)
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line.endswith(".jpg")] == [str(files[0]), str(files[2])]
    assert f"{files[1]}: This is not an image. (422 invalid_image, request r-2)\n" in result.stderr
    result = run("image", *files, "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each.get("error", {}).get("code") for each in told] == [None, "invalid_image", None]
    assert told[0]["classes"][0] == {"label": "n1 lynx", "probability": 0.75}
    assert told[0]["image"] == str(files[0])


def test_an_image_comes_from_standard_input(run, service):
    result = CliRunner().invoke(app, ["image", "-", "--json"], input=b"IMG\xff", catch_exceptions=False)
    assert json.loads(result.stdout)["image"] == "-"
    assert service.requests[0].content == b"IMG\xff"


def test_heat_maps_are_written(run, photo, service, tmp_path):
    directory = tmp_path / "maps"
    result = run("image", photo("a.jpg"), "--heat-maps", directory, "--explain-class", 7)
    assert (directory / "a.jpg.heat-map.png").read_bytes() == b"\x89PNG"
    assert "Explained: n1 (75.0%), by occlusion." in result.stdout
    assert dict(service.requests[0].url.params) == {"top_k": "3", "explain": "true", "explain_class": "7"}
    (told,) = lines(run("image", photo("a.jpg"), "--explain", "--json"))
    assert told["explanation"]["grid"] == [[1.0]]
    assert "heat_map" not in told["explanation"]


def test_labels_cannot_steer_the_terminal(run, photo, service):
    service.label = "n1 \x1b]0;owned\x07\nlynx [red]"
    shown = run("image", photo("a.jpg")).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]" in shown


def sent_key(service):
    return service.requests[-1].headers.get("authorization")


def test_the_key_comes_from_the_environment_or_a_file(run, service, monkeypatch, tmp_path):
    run("faq", "a")
    assert sent_key(service) is None
    monkeypatch.setenv("SCORING_KEY", "of-environment")
    run("faq", "a")
    assert sent_key(service) == "Bearer of-environment"
    monkeypatch.setenv("OTHER", "of-other\n")
    run("faq", "a", "--key-env", "OTHER")
    assert sent_key(service) == "Bearer of-other"
    (tmp_path / "key").write_text("of-file\n")
    run("faq", "a", "--key-file", tmp_path / "key")
    assert sent_key(service) == "Bearer of-file"


def test_the_address_comes_from_the_environment_too(run, service, monkeypatch):
    monkeypatch.setenv("SCORING_URL", "http://elsewhere:9")
    run("faq", "a")
    assert service.requests[0].url.host == "elsewhere"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["faq", "a", "--url", "service"], "address must begin with http"),
        (["faq", "a", "--url", "http://u:hidden@s"], "must have no user"),
        (["faq", "a", "--threshold", "2"], "--threshold must be"),
        (["faq", "a", "--threshold", "nan"], "--threshold must be"),
        (["faq", "a", "--file", "q.txt"], "--file means nothing"),
        (["faq", "--file", "none.txt"], "none.txt cannot be read"),
        (["faq"], "holds no question"),
        (["faq", "a", "--model", ".."], "must not be empty"),
        (["faq", "\udcff"], "UTF-8 cannot hold"),
        (["image", "none.jpg"], "none.jpg is no file"),
        (["faq", "a", "--key-env", KEY], "that --key-env names is not set"),
        (["faq", "a", "--key-file", KEY], "that --key-file names cannot be read"),
        (["faq", "a", "--key-env", "A", "--key-file", "b"], "means nothing beside --key-file"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_that_shows_no_key(run, service, arguments, words):
    told = ended(run(*arguments, stdin=""), 2)
    assert words in told
    assert KEY not in told
    assert "hidden" not in told
    assert service.requests == []


def test_a_key_that_cannot_be_sent_is_not_shown(run, monkeypatch):
    monkeypatch.setenv("SCORING_KEY", "two hidden words")
    assert "hidden" not in ended(run("faq", "a"), 2)


@pytest.mark.parametrize(("status", "code"), [(401, 1), (403, 1), (404, 1), (500, 1), (424, 1), (408, 3), (504, 3)])
def test_exit_codes_tell_what_may_succeed_later(run, service, photo, status, code):
    service.status = status
    assert "One sentence." in ended(run("faq", "a"), code)
    assert ended(run("image", photo("a.jpg")), code)


def test_a_service_that_is_not_there_may_be_there_later(run, service):
    service.failure = httpx.ConnectError("[Errno 111] Connection refused")
    told = ended(run("faq", "a", "--timeout", 0.001), 3)
    assert "http://127.0.0.1:8000 cannot be reached: [Errno 111] Connection refused." in told


def test_who_has_no_key_is_told_where_it_goes(run, service):
    service.status = 401
    assert "environment variable SCORING_KEY, --key-env or --key-file" in ended(run("faq", "a"), 1)
