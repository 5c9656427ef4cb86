import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.generator import capacity
from loadtest.generator.capacity_search import CONFIRMATIONS, MOST_POINTS, PRECISION, Found, Point, search
from loadtest.sizing.capacity import read_capacity


def point(rate, *, good, valid=True, p99=10.0):
    return Point(rate=rate, sent=rate - 0.125, p50_ms=2, p99_ms=p99, errors=0, valid=valid, good=good)


@given(st.floats(0.3, 5000), st.floats(0.5, 100))
def test_finds_the_limit_of_a_service(limit, first):
    found = search(lambda rate: point(rate, good=rate <= limit), first, 100)
    assert found.is_confirmed
    assert limit / (1 + PRECISION) <= found.capacity <= limit
    assert not found.is_limit_of_generator
    assert len(found.points) <= MOST_POINTS


def test_nothing_is_good_enough():
    found = search(lambda rate: point(rate, good=False), 8, 100)
    assert found.capacity == 0
    assert not found.is_confirmed


def test_one_bad_round_does_not_decide():
    rounds = {}

    def measure(rate):
        rounds[rate] = rounds.get(rate, 0) + 1
        return point(rate, good=rate <= 100 and not (rate == 16 and rounds[rate] == 1))

    assert search(measure, 2, 100).capacity == pytest.approx(100, rel=PRECISION)


def test_a_rate_that_is_not_good_again_is_not_the_capacity():
    rounds = {}

    def measure(rate):
        rounds[rate] = rounds.get(rate, 0) + 1
        return point(rate, good=rate <= 80 or (rate <= 100 and rounds[rate] == 1))

    found = search(measure, 2, 100)
    assert found.is_confirmed
    assert 80 * (1 - PRECISION) <= found.capacity <= 80
    assert [each.good for each in found.points[-CONFIRMATIONS:]] == [True] * CONFIRMATIONS


def test_the_generators_own_limit_is_told():
    found = search(lambda rate: point(rate, good=rate <= 100, valid=rate <= 100), 2, 100)
    assert found.is_limit_of_generator
    data = capacity.content(found, model="faq", p99_target_ms=100)
    assert any("generator's limit" in note for note in capacity.report(data, found).notes)


def test_the_file_holds_what_sizing_reads(tmp_path):
    points = [point(4, good=False, p99=300), point(2, good=True), point(3, good=True)]
    found = Found(points, capacity=3, is_confirmed=True)
    data = capacity.content(found, model="faq", url="http://x", p99_target_ms=100, replicas=1, cores=2)
    capacity.write(data, found, tmp_path)
    read = json.loads((tmp_path / "capacity.json").read_text())
    assert set(read) == {
        "model", "url", "p99_target_ms", "replicas", "cores", "points", "capacity_per_s", "seconds_per_request",
        "confirmed", "limited_by_generator",
    }  # fmt: skip
    assert set(read["points"][0]) == {"rate", "sent", "p50_ms", "p99_ms", "errors", "valid", "cpu_cores"}
    assert read["capacity_per_s"] == 3
    assert read_capacity(tmp_path / "capacity.json").capacity_per_s == 3
    assert math.isclose(read["seconds_per_request"], 0.002)
    drawn = (tmp_path / "capacity.svg").read_text()
    assert drawn.startswith("<svg")
    assert "mathdefault" not in drawn
    assert capacity.report(data, found).rows[-1][-1] == "no"
