import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from loadtest.errors import BenchmarkError
from loadtest.generator import credentials
from loadtest.generator.arrivals import Step
from loadtest.generator.commands import app
from loadtest.generator.options import address_of, checked_url
from loadtest.generator.plan import Plan, Request, Scenario
from loadtest.generator.progress import figures, shown


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    monkeypatch.delenv("SCORING_KEY", raising=False)
    monkeypatch.delenv("SCORING_TOKEN", raising=False)


def test_keys_and_tokens_come_from_files_or_the_environment(tmp_path, monkeypatch):
    assert credentials.headers(None, None) == {}
    assert credentials.described(None, None) == "none"
    monkeypatch.setenv("SCORING_TOKEN", "a-token")
    (tmp_path / "key").write_text("a-key\n")
    assert credentials.headers(tmp_path / "key", None) == {"x-api-key": "a-key", "Authorization": "Bearer a-token"}
    said = credentials.described(tmp_path / "key", None)
    assert "a-key" not in said
    assert "a-token" not in said
    assert "SCORING_TOKEN" in said


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("two words-of-a-secret", "no key or token"), (None, "read")]
)
def test_what_is_no_key_is_not_shown(tmp_path, text, said):
    if text is not None:
        (tmp_path / "key").write_text(text)
    with pytest.raises(BenchmarkError, match=said) as told:
        credentials.headers(tmp_path / "key", None)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(("url", "wanted"), [("http://x:1/", "http://x:1"), ("https://x", "https://x")])
def test_addresses_of_services(url, wanted):
    assert checked_url(url) == wanted


@pytest.mark.parametrize("url", ["x:1", "ftp://x", "http://u:p@x", "http://x/faq/score", "http://", "http://x?a=b"])
def test_refuses_what_is_no_address(url):
    with pytest.raises(BenchmarkError, match="--url"):
        checked_url(url)


@pytest.mark.parametrize(("text", "wanted"), [("h", ("h", 5557)), ("h:1", ("h", 1)), ("127.0.0.1:0", ("127.0.0.1", 0))])
def test_addresses_of_masters(text, wanted):
    assert address_of(text) == wanted


@pytest.mark.parametrize("text", ["h:", "h:x", ":1", "h:70000"])
def test_refuses_what_is_no_port(text):
    with pytest.raises(BenchmarkError, match="no address"):
        address_of(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["run"], "either --rate"),
        (["run", "--rate", "fast"], "is no rate"),
        (["run", "--rate", "1", "--url", "http://127.0.0.1:9"], "Nothing answers"),
        (["run", "--rate", "1", "--scenario", "x"], "no scenario"),
        (["run", "--rate", "1", "--server-pid", "4194305"], "no process"),
        (["soak", "--url", "http://127.0.0.1:9"], "has no model"),
        (["worker", "--master", "h:x"], "no address"),
        (["report", "/no/such/folder"], "cannot be read"),
    ],
)
def test_commands_end_in_a_sentence(options, said):
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def test_scenarios_are_listed():
    assert "oip-image-binary" in CliRunner().invoke(app, ["scenarios"]).output


EVENT = {
    "event": "progress", "at": 12.0, "sent_per_second": 9.9, "answered_per_second": 9.8, "p50_ms": 2.0, "p99_ms": 5.0,
    "sent": 200, "late": 4, "errors": {"HTTP 503": 3}, "expected": 2, "out": 1, "cpu": [0.25, 0.5],
}  # fmt: skip


def test_progress_is_told():
    scenario = Scenario(name="x", weight=1, requests=[Request(path="/x")])
    steps = [Step(rate=10, seconds=10), Step(rate=20, seconds=10)]
    plan = Plan(url="http://x", scenarios=[scenario], steps=steps, bad_share=0.1)
    found = dict(figures(plan, EVENT))
    assert found["wanted"] == "20/s, step 2 of 2"
    assert found["errors"] == "HTTP 503 3"
    assert found["sent late"] == "4 (2.00%)"
    assert found["generator's CPU"] == "25%, 50%"
    for terminal in (False, True):
        file = io.StringIO()
        with shown(Console(file=file, force_terminal=terminal, width=200), plan, "A run") as show:
            show({"event": "started"})
            show(EVENT)
        assert "HTTP 503 3" in file.getvalue()
