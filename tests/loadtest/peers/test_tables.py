"""Tables, ratios and pictures of the comparison."""

import json

import pytest

from loadtest.errors import BenchmarkError
from loadtest.peers.commands import peers
from loadtest.peers.comparing import Wanted, compare, plan_of
from loadtest.peers.contestants import Contestant
from loadtest.peers.measuring import Findings, Plan, Sample
from loadtest.peers.plot import draw_all
from loadtest.peers.tables import COLUMNS, COMPARISONS, reports, rows_of
from loadtest.wrk import WrkResult

FAST_1 = Contestant("fastapi", "faq", 1)
FAST_2 = Contestant("fastapi", "faq", 2)
OURS = Contestant("ours", "faq", None)
OWN = Contestant("ours", "faq", None, object="own")
FACTS = {"originals": 72, "ms_for_one": 1.4, "weights": "untrained"}


def sample(rate, p50_ms, cpu_seconds=2.0, memory=100.0, failed=0):
    return Sample(
        WrkResult(rate * 2 + failed, 2.0, p50_ms, 2 * p50_ms, 3 * p50_ms, 4 * p50_ms, failed, 1), cpu_seconds, memory
    )


def findings():
    return Findings(
        {
            (FAST_1, 1): [sample(500, 2.0), sample(510, 1.9), sample(490, 2.1)],
            (FAST_2, 1): [sample(450, 2.5)] * 3,
            (OURS, 1): [sample(250, 4.0)] * 3,
            (OWN, 1): [sample(600, 1.5)] * 3,
            (FAST_1, 16): [sample(600, 25.0)] * 3,
            (FAST_2, 16): [sample(1000, 16.0, cpu_seconds=4.0, memory=200.0)] * 3,
            (OURS, 16): [sample(1250, 12.0), sample(1200, 12.0), sample(1300, 13.0, failed=2)],
        },
        agreement=0.87,
    )


def plan(*contestants, cells=None):
    return Plan(contestants or (FAST_1, FAST_2, OURS, OWN), cells or {"faq": (1, 16)}, 2.0, 1.0, 3)


def test_rounds_that_failed_are_told_below_the_tables_of_their_server():
    found = findings()
    found.failures[FAST_2] = ["It did not start."]
    one, other = reports(plan(), found, FACTS, "fp32")
    told = "FastAPI, workers: 2: 1 of 3 rounds failed: It did not start."
    assert told in one.notes
    assert told in other.notes


def test_each_cell_is_compared_with_its_best_peer():
    rows = rows_of(COMPARISONS[0], findings())
    assert [(row.contestant, row.concurrency) for row in rows] == [
        (FAST_1, 1),
        (FAST_2, 1),
        (OURS, 1),
        (FAST_1, 16),
        (FAST_2, 16),
        (OURS, 16),
    ]
    assert [row.rate_ratio for row in rows] == [1.0, 0.9, 0.5, 0.6, 1.0, 1.25]
    assert [row.p50_ratio for row in rows] == [1.0, 1.25, 2.0, 25 / 16, 1.0, 0.75]
    assert [row.errors for row in rows] == [3, 3, 3, 3, 3, 5]


def test_our_own_scorer_stands_beside_the_same_peers():
    rows = rows_of(COMPARISONS[1], findings())
    assert {row.contestant for row in rows} == {FAST_1, FAST_2, OWN}
    assert next(row.rate_ratio for row in rows if row.contestant == OWN) == 1.2


def test_tables():
    first, second = reports(plan(), findings(), FACTS, "bf16")
    assert first.columns == COLUMNS
    assert first.rows[0] == [
        "FastAPI", "1", "1", "500 (490-510)", "1.00", "2.0 (1.9-2.1)", "1.00", "6.0 (5.7-6.3)",
        f"{2 / 1000 * 1e3:.2f} (1.96-2.04)", "100", "3",
    ]  # fmt: skip
    assert first.rows[-1][:2] == ["Ours", "default (1-2)"]
    assert "Peers: FastAPI 0." in first.notes[1]
    assert "1.40 ms for one question" in first.notes[2]
    assert "87% of the questions" in second.notes[-1]
    data = json.loads(first.json())
    assert len(data["samples"]) == 7
    assert data["comparisons"]["peers-faq"][-1]["rate_ratio"] == 1.25
    assert "| FastAPI | 1 | 1 |" in first.markdown()


def test_ours_alone_has_no_ratios():
    alone = Findings({(OURS, 16): [sample(1000, 10.0)]})
    (report,) = reports(plan(OURS, cells={"faq": (16,)}), alone, FACTS, "bf16")
    assert (report.rows[0][4], report.rows[0][6]) == ("", "")


def test_an_image_table_says_what_was_computed():
    image = Contestant("ours", "image", None)
    (report,) = reports(plan(image, cells={"image": (8,)}), Findings({(image, 8): [sample(40, 20.0)]}), FACTS, "bf16")
    assert "Computed in bf16; weights: random" in report.notes[-1]


def test_the_whole_comparison_fits_in_three_quarters_of_an_hour():
    whole = plan_of(Wanted(only=[], cells=[], workers=[1, 2], seconds=6, warm_up=1, rounds=3))
    assert whole.estimate() < 45 * 60
    small = plan_of(Wanted(only=["ours"], cells=["faq-16"], workers=[1], seconds=6, warm_up=1, rounds=1))
    assert {one.server for one in small.contestants} == {"ours"}
    assert small.cells == {"faq": (16,)}
    assert small.estimate() < whole.estimate() / 5


def test_pictures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    drawn = draw_all(findings(), tmp_path)
    assert [file.name for file in drawn] == ["peers-faq.svg", "peers-faq-own.svg"]
    assert all("<svg" in file.read_text(encoding="utf-8") for file in drawn)


def test_the_command_has_its_options():
    assert {"only", "cells", "workers", "network", "plots", "json"} <= set(peers.__signature__.parameters)


def test_where_pictures_cannot_go_is_told_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("loadtest.wrk.wrk_path", lambda: "wrk")
    monkeypatch.setattr("loadtest.peers.environments.make", None)
    (tmp_path / "file").write_text("")
    wanted = Wanted(only=["ours"], cells=[], workers=[1], seconds=1, warm_up=0, rounds=1, plots=tmp_path / "file" / "x")
    with pytest.raises(BenchmarkError, match="cannot be made"):
        compare(wanted, {})
