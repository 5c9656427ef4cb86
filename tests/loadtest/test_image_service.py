"""The benchmark of the image service: its tables, and what both sides must have in common."""

import json

import pytest

from loadtest.bare_engine import BareEngine, layouts_of, settings
from loadtest.configs import read_config
from loadtest.errors import BenchmarkError
from loadtest.image_service import check_same
from loadtest.image_service_figures import Load, Round, best_layout, reports
from loadtest.wrk import WrkResult

FACTS = {"architecture": "resnet152", "engine": "openvino", "precision": "bf16", "threads": 2, "device": "cpu"}


def load(rate, p50_ms, share=0.02, failed=0, **more):
    result = WrkResult(rate * 2 + failed, 2.0, p50_ms, 2 * p50_ms, 3 * p50_ms, 4 * p50_ms, failed, 0)
    return Load(result, {"wrk": share * 2, "replica image-1": 1.8, **more})


def in_process(total):
    return {"decode": 3.0, "infer": total - 3.0, "total": total, "count": 10}


def a_round(total, alone, eight, bare, after=None):
    loads = {1: load(10, alone), 8: load(eight, 80.0, share=0.04)}
    return Round(in_process(total), in_process(after or total), loads, bare)


ROUNDS = [
    a_round(80.0, 88.0, 18, {"one": 20.0, "two": 15.0}),
    a_round(90.0, 108.0, 19, {"one": 19.0, "two": 40.0}),
    a_round(80.0, 84.0, 16, {"one": 20.0, "two": 16.0}),
]


def test_one_client_is_compared_round_by_round():
    table, *_ = reports(ROUNDS, {"decode": 3.1, "infer": 70.0}, FACTS, {})
    assert table.rows == [
        ["88.0 (84.0-108.0)", "80.0 (80.0-90.0)", "3.0", "77.0 (77.0-87.0)", "8.0 (4.0-18.0)", "1.10 (1.05-1.20)"]
    ]
    assert "resnet152 openvino bf16, 2 threads" in table.notes[0]
    assert "decode 3.1, infer 70.0" in table.notes[1]
    assert len(table.notes) == 2
    assert json.loads(json.dumps(table.data))["rounds"][0]["loads"]["8"]["cpu_seconds"]["wrk"] == 0.08


def test_a_machine_that_changes_is_noted():
    table, *_ = reports([a_round(80.0, 88.0, 18, {"one": 20.0}, after=100.0)], {}, FACTS, {})
    assert "measure again" in table.notes[-1]


def test_several_clients_are_compared_with_the_best_layout_of_the_same_round():
    assert best_layout(ROUNDS)[0] == "one"
    _, table, _ = reports(ROUNDS, {}, FACTS, {"ingress": 2})
    assert [row[0] for row in table.rows] == ["1", "8"]
    assert table.rows[1] == ["8", "18.0 (16.0-19.0)", "80.0", "240.0", "0", "0.90 (0.80-1.00)"]
    assert "2 ingress" in table.notes[1]
    assert "wrk took at most 4% of a core" in table.notes[1]


def test_failed_requests_are_no_images():
    rounds = [Round(in_process(80.0), in_process(80.0), {1: load(10, 88.0, failed=3)}, {"one": 20.0})]
    _, table, _ = reports(rounds, {}, FACTS, {})
    assert (table.rows[0][1], table.rows[0][4]) == ("10.0", "3")


def test_processor_time_is_shared_out_among_responses():
    loads = [
        {1: load(10, 88.0), 8: load(18, 80.0, HAProxy=0.36)},
        {1: load(30, 88.0), 8: load(18, 80.0)},
        {1: load(10, 88.0), 8: load(9, 80.0, HAProxy=0.36)},
    ]
    rounds = [Round(in_process(80.0), in_process(80.0), each, {"one": 20.0}) for each in loads]
    *_, table = reports(rounds, {}, FACTS, {})
    assert table.columns == ["Process", "1 client", "8 clients"]
    assert table.rows == [
        ["replica image-1", "90.0", "50.0"],
        ["HAProxy", "0.0", "10.0"],
        ["wrk", "2.0", "1.1"],
        ["all", "92.0 (30.7-92.0)", "61.1 (51.1-122.2)"],
    ]


def test_processor_time_without_a_response_is_not_a_number():
    rounds = [Round(in_process(80.0), in_process(80.0), {1: load(0, 0.0)}, {"one": 20.0})]
    *_, table = reports(rounds, {}, FACTS, {})
    assert [row[1][:3] for row in table.rows] == ["nan"] * 3


@pytest.mark.parametrize(
    ("cores", "layouts"), [(1, {1: 1}), (2, {2: 1, 1: 2}), (3, {3: 1}), (6, {6: 1, 3: 2}), (16, {16: 1, 8: 2, 4: 4})]
)
def test_layouts_use_all_cores(cores, layouts):
    assert layouts_of(cores) == layouts


class FakeProgram:
    facts = FACTS

    def __init__(self, rate):
        self.rate = rate

    def ask(self, **request):
        return {"images_per_second": self.rate * request["size"]} if request["do"] == "batch" else request


def test_processes_of_a_layout_add_up():
    reference = FakeProgram(10.0)
    rates = BareEngine(reference, {2: [reference], 1: [FakeProgram(6.0), FakeProgram(7.0)]}).rates(1)
    assert rates["1 x 2 threads, batches of 8"] == 80.0
    assert rates["2 x 1 threads, batches of 1"] == 13.0
    assert len(rates) == 6


def test_both_sides_must_run_the_same():
    check_same(FACTS, dict(FACTS))
    with pytest.raises(BenchmarkError, match="precision bf16, the bare engine with fp32"):
        check_same(FACTS, {**FACTS, "precision": "fp32"})


def test_the_programs_take_the_services_settings(monkeypatch):
    monkeypatch.setenv("SCORING_IMAGE_WEIGHTS", "here.pth")
    config = read_config(None)
    config["applications"][0]["args"] = {
        "profile": "production",
        "models": [
            {
                "kind": "image_classifier",
                "versions": [
                    {
                        "model": {"architecture": "mobilenet_v2", "weights_uri": "${SCORING_IMAGE_WEIGHTS}"},
                        "preprocess": {"scaled_decoding": False},
                    }
                ],
            }
        ],
    }
    assert settings(config, 3) == {
        "model": {"architecture": "mobilenet_v2", "weights_uri": "here.pth", "threads": 3},
        "preprocess": {"scaled_decoding": False},
        "allow_untrained": False,
    }
    config["applications"][0]["args"]["models"][0]["versions"][0]["model"] |= {"streams": 2, "max_batch": 4}
    assert settings(config, 3)["model"]["streams"] == 2
    free = settings(config, 1, is_free=True)["model"]
    assert (free.get("streams"), free["max_batch"], free["threads"]) == (None, 32, 1)
    assert settings(read_config(None), 2) == {"model": {"threads": 2}, "preprocess": {}, "allow_untrained": True}
