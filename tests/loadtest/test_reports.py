"""From measurements to tables."""

import json

import pytest
import typer
from typer.testing import CliRunner

from loadtest import commands, idle, startup
from loadtest.clients import Exchange
from loadtest.drain import summary
from loadtest.errors import BenchmarkError
from loadtest.options import Reports, Rounds, benchmark
from loadtest.report import Report, show
from loadtest.throughput import Point, report
from loadtest.wrk import WrkResult


def result(requests, failed=0):
    return WrkResult(requests, 2.0, 1.0, 2.0, 3.0, 4.0, failed, 0)


def test_throughput_shows_median_and_spread():
    table = report([Point("faq", 16, [result(200), result(400, failed=2), result(300)], {"faq-1": 2})])
    assert table.rows == [["faq", "16", "150 (100-199)", "1.0", "3.0", "2", "2 faq-1"]]
    assert table.data["points"][0]["rounds"][0]["requests"] == 200


def test_markdown_and_json_hold_the_same_figures(tmp_path, capsys):
    shown = Report("Title", ["A | B", "C"], [["1", "2"]], ["A note."], {"figures": [1, 2]})
    show(shown, json_file=tmp_path / "r.json", markdown=True)
    lines = capsys.readouterr().out.splitlines()
    assert "| A \\| B | C |" in lines
    assert "| 1 | 2 |" in lines
    written = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert written["figures"] == [1, 2]
    assert "cores" in written["machine"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(BenchmarkError, match="missing"):
        show(Report("T", ["A"], []), json_file=tmp_path / "missing" / "r.json", markdown=False)


def test_idle_compares_totals_and_moves_haproxys_files():
    product = [[("Serve controller", 0.05), ("replica faq-1", 0.01)]]
    table = idle.report(product, [[("Serve controller", 0.04)]], 30)
    assert table.rows[-1] == ["all", "6.0", "4.0"]
    assert table.rows[0] == ["Serve controller", "5.00", "4.00"]
    assert table.rows[1] == ["replica faq-1", "1.00", ""]
    assert "takes 2.0 % of a core more than" in table.notes[0]
    assert "takes 1.0 % of a core less than" in idle.report(product, [[("Serve controller", 0.07)]], 30).notes[0]
    old = {"RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "/a/b/haproxy.cfg", "RAY_SERVE_X": "/a/b/x", "RAY_SERVE_Y": "1"}
    assert idle.moved(old, "/c") == {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "/c/haproxy.cfg",
        "RAY_SERVE_X": "/c/x",
        "RAY_SERVE_Y": "1",
    }


def test_startup_reads_lines_of_progress():
    lines = [(0.5, "0.1 s  Starting Ray"), (3.0, "2.9 s  faq-1: loading"), (9.0, "Ready: http://x"), (9.1, "Model")]
    assert startup.until_ready(lines) == {"Starting Ray": 0.5, "faq-1: loading": 3.0, "Ready": 9.0}


def test_drain_tells_accepted_requests_from_later_ones():
    exchanges = [
        Exchange(1.0, 1.5, "answered"),
        Exchange(1.6, 2.5, "answered"),
        Exchange(1.7, 2.1, "closed"),
        Exchange(2.2, 2.3, "refused"),
        Exchange(2.4, 2.6, "closed"),
    ]
    found = summary(exchanges, told=2.0, stopped=5.0)
    assert (found.running, found.accepted_failed, found.failed_before) == (2, 1, 0)
    assert found.later == {"refused": 1, "closed": 1}
    assert found.stopped == 3.0


def test_every_command_explains_itself():
    commands_of_service = ("throughput", "idle", "memory", "startup", "replica-loss", "drain")
    for name in (*commands_of_service, "engines", "answers", "image-service"):
        assert CliRunner().invoke(commands.app, [name, "--help"]).exit_code == 0


def test_a_failure_is_one_sentence_and_a_code(tmp_path):
    ran = CliRunner().invoke(commands.app, ["memory", "--config", str(tmp_path / "none.yaml")])
    assert ran.exit_code == 1
    assert ran.output.count("\n") == 1
    assert "none.yaml does not exist" in ran.output


def test_a_benchmark_shows_its_reports_and_keeps_its_options(tmp_path):
    app = typer.Typer()

    @app.command()
    @benchmark
    def measured(*, rounds: Rounds = 3) -> Reports:
        """Measures."""
        return [Report("First", ["A"], [[str(rounds)]], data={"rounds": rounds}), Report("Second", ["B"], [["x"]])]

    ran = CliRunner().invoke(app, ["--rounds", "2", "--markdown", "--json", str(tmp_path / "r.json")])
    assert ran.exit_code == 0, ran.output
    assert ran.output.index("| 2 |") < ran.output.index("\n\nSecond. ")
    written = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (written["title"], written["rounds"]) == ("First", 2)
    assert CliRunner().invoke(app, ["--rounds", "0"]).exit_code == 2
