import pytest

from loadtest.memory_over_time import MemoryOverTime
from loadtest.open_loop import Timed
from loadtest.overload import one_replica_each
from loadtest.overload_figures import Overload, percentile, recovery_seconds, report
from loadtest.overload_plot import draw


def found():
    memory = MemoryOverTime(at=[1.0, 11.0, 19.0], total=[100.0, 110.0, 112.0])
    capacity = [Timed(at, at + 0.1, 200) for at in range(10)]
    overload = [Timed(10 + n / 10, 10 + n / 10 + 0.2, 200) for n in range(10)]
    overload += [Timed(10 + n / 10, 10 + n / 10 + 0.01, 503) for n in range(100)] + [Timed(15, 16, 0)]
    after = [Timed(20 + n, 20 + n + (0.5 if n == 2 else 0.05), 200) for n in range(6)]
    return Overload(capacity, overload, after, [Timed(12, 12.01, 200), Timed(13, 13.02, 503)], memory)


def test_the_report_tells_answers_from_refusals_and_failures():
    rows = dict(report("image", found(), clients=32, factor=10).rows)
    assert rows["Answers: median / p99 in overload, ms"] == "200 / 200"
    assert rows["p99 in overload / at capacity"] == "2.00"
    assert rows["Refusals: median / p99, ms"] == "10 / 10"
    assert rows["Requests refused"] == "100 of 111"
    assert rows["Requests that failed otherwise"] == "1"
    assert rows["Health checks that failed"] == "1 of 2"
    assert rows["Memory before, MiB"] == "100"
    assert rows["Memory in the first / last quarter of the overload, MiB"] == "110 / 112"
    assert rows["Until answers took no longer than at capacity, s"] == "2.5"


@pytest.mark.parametrize(("poor", "wanted"), [([], 0.0), ([0], 0.3), ([0, 3], 3.3), ([5], None)])
def test_recovery_ends_with_the_last_poor_answer(poor, wanted):
    after = [Timed(at, at + 0.3, 503 if at in poor else 200) for at in range(6)]
    assert recovery_seconds(after, 400) == (None if wanted is None else pytest.approx(wanted))


def test_percentiles_are_of_the_slowest():
    times = [Timed(0, n / 1000, 200) for n in range(1, 101)]
    assert (percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1)) == (51, 100, 100)
    assert percentile([], 0.99) == 0


def test_stages_keep_their_queues_and_have_one_replica():
    given = {
        "applications": [
            {
                "args": {
                    "models": [
                        {
                            "kind": "image_classifier",
                            "versions": [{"scaling": {"max_queued_requests": 3, "max_replicas": 4}}],
                        }
                    ]
                }
            }
        ]
    }
    config, name = one_replica_each(given, "image_classifier")
    args = config["applications"][0]["args"]
    version = args["models"][0]["versions"][0]
    assert name == "image"
    assert version["scaling"] == {
        "max_concurrent_requests": 8,
        "max_queued_requests": 3,
        "min_replicas": 1,
        "max_replicas": 1,
    }
    assert version["preprocess_scaling"]["max_replicas"] == args["ingress"]["scaling"]["max_replicas"] == 1


def test_a_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    draw(found(), tmp_path / "overload.svg")
    assert "</svg>" in (tmp_path / "overload.svg").read_text()
