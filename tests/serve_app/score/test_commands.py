import httpx
import pytest
from answering_service import ended

KEY = "scoring_0123456789abcdef_" + "s" * 43


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
