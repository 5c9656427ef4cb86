import json
from functools import partial

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from serve_app.config_file import read_config
from serve_app.layout import lay_out
from serve_app.models.commands import app
from serve_app.service_record import ServiceRecord


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def config(write):
    return write(lay_out({"models": [{"kind": "faq_matcher"}]}))


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)


def test_a_file_is_changed_without_a_service(config):
    result = run("add", "faq", "2", "--set", "model.default_top_k=3", "--config", config)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"faq/2 is added; no service runs from {config} now.\n"
    (_, second) = read_config(config).settings({}).models[0].versions
    assert second.model.default_top_k == 3
    assert run("default", "faq", "2", "--config", config).exit_code == 0
    assert run("remove", "faq", "1", "--config", config).exit_code == 0
    rows = json.loads(run("list", "--config", config, "--json").stdout)
    assert [(row["version"], row["default"], row["application"]) for row in rows] == [("2", True, "faq-2")]


def test_settings_come_from_a_file_and_options_go_before_it(config, tmp_path):
    (tmp_path / "two.yaml").write_text("model: {default_top_k: 3, questions: q.tsv}\nscaling: {max_replicas: 2}\n")
    options = ["--settings", tmp_path / "two.yaml", "--set", "model.default_top_k=4", "--config", config]
    assert run("add", "faq", "2", *options).exit_code == 0
    version = read_config(config).settings({}).models[0].versions[1]
    assert (version.model.default_top_k, version.model.questions, version.scaling.max_replicas) == (4, "q.tsv", 2)


def test_a_list_is_a_table_for_people(config, cells):
    run("add", "faq", "2", "--config", config)
    lines = [line.split() for line in run("list", "--config", config).stdout.splitlines()]
    assert lines == [
        ["Model", "Version", "Default", "Kind", "Runs", "in"],
        ["faq", "1", "yes", "faq_matcher", "the", "gateway"],
        ["faq", "2", "faq_matcher", "faq-2"],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "faq", "1"], "has a version '1' already"),
        (["add", "faq", "2", "--set", "x"], "--set x: give a key and a value"),
        (["add", "faq", "2", "--set", "model.x.y=1", "--set", "model.x=1"], "unknown key"),
        (["add", "faq", "2", "--set", "a=1", "--set", "a.b=1"], "a is a value already"),
        (["add", "faq", "2", "--set", "a={"], "the value is no YAML"),
        (["add", "faq", "2", "--settings", "/no/such.yaml"], "/no/such.yaml cannot be read as YAML"),
        (["remove", "cats"], "There is no model 'cats'"),
        (["default", "faq", "9"], "has no version '9'"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_changes_nothing(config, arguments, words):
    before = config.read_text()
    result = run(*arguments, "--config", config)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert config.read_text() == before


def test_without_a_service_a_file_must_be_named():
    assert "No service runs; or name a config file with --config." in run("list").stderr
    assert "No service of `scoring serve` listens on port 8000." in run("list", "--port", 8000).stderr


def begun(port, config):
    """A service that nobody can ask, so that what it wrote down is what is known."""
    record = ServiceRecord(port)
    record.begin(f"http://127.0.0.1:{port}", config, {})
    return record


@pytest.fixture
def asked(monkeypatch):
    """What a service answers to who asks how a version fares."""

    def asked(status, content):
        answer = httpx.MockTransport(lambda _: httpx.Response(status, json=content))
        client = partial(httpx.Client, transport=answer)
        monkeypatch.setattr(httpx, "Client", client)

    return asked


def test_how_a_version_fares_is_asked_of_the_service(config, asked):
    record = begun(8000, read_config(config))
    record.write("http://127.0.0.1:8000", config.read_bytes(), {"faq/1": "as it was"})
    asked(503, {"detail": "faq/1 could not be started: out of memory."})
    assert "Failed: faq/1 could not be started: out of memory." in run("list").stdout
    asked(200, {"name": "faq", "ready": True})
    assert "ready" in run("list").stdout
    # Who has no key is told what the service wrote down.
    asked(401, {})
    assert "Failed: as it was" in run("list").stdout


def test_the_only_service_is_the_one_that_is_meant(config):
    first = begun(8000, read_config(config))
    assert f"http://127.0.0.1:8000, from {config}" in run("list").stdout
    begun(8001, read_config(None))
    assert "Several services run: name one with --port (8000, 8001)" in run("list").stderr
    assert run("list", "--port", 8001).exit_code == 0
    first.end()
    assert "8001" in run("list").stdout


def test_a_service_without_a_file_gets_one_that_can_be_changed():
    record = begun(8000, read_config(None))
    assert [row["model"] for row in json.loads(run("list", "--json").stdout)] == ["faq", "image"]
    assert yaml.safe_load(record.config.read_text()) == read_config(None).content
    record.end()
    assert not record.config.exists()


def test_a_record_of_a_service_that_was_killed_is_none(config, tmp_path, monkeypatch):
    begun(8000, read_config(config))
    monkeypatch.setattr("psutil.pid_exists", lambda _: False)
    assert "No service runs" in run("list").stderr


def test_a_service_that_refuses_has_its_words_told(config, monkeypatch):
    record = begun(8000, read_config(config))
    before = config.read_text()

    def refuse(_seconds):
        record.write("http://127.0.0.1:8000", record.text_of_config(), {}, "There is no room.")

    monkeypatch.setattr("time.sleep", refuse)
    result = run("default", "faq", "1")
    assert (result.exit_code, result.stderr) == (2, "There is no room.\n")
    assert config.read_text() == before


def test_versions_that_cannot_answer_are_shown_with_their_cause(config):
    record = begun(8000, read_config(config))
    record.write("http://127.0.0.1:8000", config.read_bytes(), {"faq/1": "faq/1 could not be started: No file."})
    shown = run("list").stdout
    assert "Failed: faq/1 could not be started: No file." in shown
    assert "failed" in shown.splitlines()[1]
