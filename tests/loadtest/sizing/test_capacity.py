"""Files of measured capacity."""

import json

import pytest

from loadtest.errors import BenchmarkError
from loadtest.sizing.capacity import read_capacity


def point(rate, p99_ms, *, errors=0, valid=True, cpu_cores=None):
    return {
        "rate": rate, "sent": int(rate * 10), "p50_ms": p99_ms / 3, "p99_ms": p99_ms, "errors": errors, "valid": valid,
        "cpu_cores": cpu_cores,
    }  # fmt: skip


def content(**changes):
    return {
        "model": "faq",
        "url": "http://127.0.0.1:8000/faq/score",
        "p99_target_ms": 50,
        "replicas": 2,
        "cores": 2,
        "points": [point(100, 9), point(400, 30), point(800, 48), point(1600, 700)],
        "capacity_per_s": 800,
        "seconds_per_request": 0.002,
        **changes,
    }


@pytest.fixture
def read(tmp_path):
    def read(**changes):
        path = tmp_path / "capacity.json"
        path.write_text(json.dumps(content(**changes)), encoding="utf-8")
        return read_capacity(path)

    return read


def test_capacity_is_that_of_one_replica(read):
    assert read().per_replica() == 400
    assert not read().reached_the_end()
    assert read(points=[point(800, 9)]).reached_the_end()


def test_another_target_takes_another_point_of_the_curve(read):
    assert read().per_replica(35) == 200
    assert read().per_replica(10) == 50


@pytest.mark.parametrize("bad", [point(400, 90), point(400, 10, errors=1), point(400, 10, valid=False)])
def test_a_rate_above_one_that_failed_does_not_count(read, bad):
    assert read(points=[point(100, 9), bad, point(800, 40)]).best().rate == 100


def test_where_no_rate_held_nothing_can_be_sized(read):
    with pytest.raises(BenchmarkError, match="No measured rate of faq kept p99 under 50 ms: measure lower rates"):
        read(points=[point(100, 90)], capacity_per_s=0).per_replica()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"points": []}, "points: List should have at least 1 item"),
        ({"replicas": 0}, "replicas: Input should be greater than or equal to 1"),
        ({"p99_target_ms": "50"}, "p99_target_ms: Input should be a valid number"),
        ({"capacity_per_s": 9000}, r"capacity_per_s \(9000\) is above every rate tried \(1600\)"),
        ({"points": [{"rate": 1}]}, r"points\.0\.sent: Field required"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_a_sentence(read, changes, sentence):
    with pytest.raises(BenchmarkError, match=rf"capacity\.json is not valid: {sentence}") as raised:
        read(**changes)
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_said(tmp_path):
    with pytest.raises(BenchmarkError, match="does not exist"):
        read_capacity(tmp_path / "missing.json")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(BenchmarkError, match="is not valid: Invalid JSON"):
        read_capacity(tmp_path / "broken.json")
