"""The commands from their options to the folder that they leave, against a server that is in this process."""

import json
import os

import pytest
from typer.testing import CliRunner

from loadtest.generator import folder
from loadtest.generator.commands import app


@pytest.fixture
def command(server, tmp_path):
    def run(name, *options):
        given = [name, "--url", server.url, "--workers", "1", "--out", str(tmp_path / "out"), *options]
        return CliRunner().invoke(app, [str(each) for each in given]), tmp_path / "out"

    return run


def test_a_run_leaves_a_folder(command, server, monkeypatch):
    monkeypatch.setenv("SCORING_TOKEN", "secret-of-a-test")
    done, out = command(
        "run", "--scenario", "faq=2", "--scenario", "live", "--clients", 2, "--requests", 50, "--warm-up", 0
    )
    assert done.exit_code == 0, done.output
    results = folder.read(out)
    assert results.is_valid
    assert sum(group.counts.ok for group in results.measured.groups) == 50
    assert {headers["Authorization"] for _, headers, _ in server.seen} == {"Bearer secret-of-a-test"}
    assert "report.html" in done.output
    for file in out.iterdir():
        assert "secret-of-a-test" not in file.read_text()
    assert "secret-of-a-test" not in done.output


def test_a_run_that_could_not_be_driven_ends_with_its_own_code(command):
    done, out = command("run", "--rate", 200_000, "--seconds", 1, "--warm-up", 0, "--timeout", 10)
    assert done.exit_code == 3, done.output
    assert "INVALID" in done.output
    assert not folder.read(out).is_valid
    assert "INVALID" in (out / "report.html").read_text()


def test_a_run_sends_any_model_its_example(command, server):
    server.descriptions["/v2/models/m"] = json.dumps({"example": {"request": {"inputs": []}}}).encode()
    done, out = command("run", "--scenario", "infer:m", "--clients", 1, "--requests", 5, "--warm-up", 0)
    assert done.exit_code == 0, done.output
    assert {path for path, _, _ in server.seen} == {"/v2/models/m/infer"}
    assert folder.read(out).measured.groups[0].name == "infer:m"


def test_data_and_names_are_those_of_a_kind(command, server, tmp_path):
    (tmp_path / "q.txt").write_text("Why?")
    given = ["--data", f"faq={tmp_path / 'q.txt'}", "--model-name", "faq=help"]
    done, _ = command("run", "--clients", 1, "--requests", 5, "--warm-up", 0, *given)
    assert done.exit_code == 0, done.output
    assert {(path, json.loads(body)["input"]) for path, _, body in server.seen} == {("/help/score", "Why?")}
    done, _ = command("run", "--clients", 1, "--data", "other=x")
    assert (done.exit_code, "no kind of load 'other'" in done.output) == (1, True)
    done, _ = command("run", "--clients", 1, "--model-name", "faq")
    assert (done.exit_code, "must be KIND=VALUE; kinds are faq, image" in done.output) == (1, True)


def test_a_service_that_refuses_is_not_loaded(command, server, tmp_path):
    (tmp_path / "body").write_text("401")
    done, out = command("run", "--rate", 10, "--scenario", f"/x@{tmp_path / 'body'}")
    assert done.exit_code == 1
    assert "answers scenario" in done.output
    assert "SCORING_KEY" in done.output
    assert len(server.seen) == 1
    assert not out.exists()


def test_capacity_is_written_for_sizing(command):
    # Whatever this machine can do, a rate of 0.1 s between requests is easy and one of 3,000 times as much is not.
    options = ["--first-rate", 10, "--seconds", 1, "--warm-up", 0, "--p99-ms", 2000, "--replicas", 3, "--most-rate", 40]
    done, out = command("capacity", *options)
    assert done.exit_code in {0, 3}, done.output
    found = json.loads((out / "capacity.json").read_text())
    assert (found["model"], found["replicas"], found["p99_target_ms"]) == ("faq", 3, 2000)
    assert found["points"][0]["rate"] == 10
    assert max(point["rate"] for point in found["points"]) <= 40
    assert (out / "capacity.svg").exists()


def test_a_soak_tells_what_it_saw(command):
    options = ["--hours", 0.005, "--warm-up", 1, "--rate", 20, "--scenario", "faq", "--server-pid", os.getpid()]
    done, out = command("soak", *options, "--bad", 0.1)
    assert done.exit_code in {0, 3, 4}, done.output
    results = folder.read(out)
    lines = {line["what"]: line for line in results.verdict["lines"]}
    assert lines["Errors among valid requests"]["passed"]
    assert lines["Bad requests not refused as they must be"]["passed"]
    assert "Growth of threads" in lines
    assert results.server.samples
    assert "Verdict" in (out / "report.html").read_text()
