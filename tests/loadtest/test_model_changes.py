"""Models changed under load, on a real service."""

import pytest

from loadtest.model_changes import Changes, Exchange, Step, changes, report
from loadtest.payloads import photo_payloads, question_payloads


def test_what_failed_and_who_was_replaced_is_in_the_report():
    exchanges = {"faq": [Exchange(1, "1"), Exchange(2, "2"), Exchange(3, "", "503 b'x'")], "image": [Exchange(1, "1")]}
    steps = [Step("models add faq 2", 4.04), Step("models default faq 2", 1.5, 0.456)]
    found = report(Changes(steps, exchanges, ["replica faq-1 (12)"]), 20)
    assert found.rows == [["models add faq 2", "4.0", ""], ["models default faq 2", "1.5", "0.46"]]
    assert (
        "4 requests, 20 a second of each model; 1 failed: 1 503 b'x'. Replaced replicas: replica faq-1 (12)."
        in (found.notes[0])
    )
    assert "0 failed. No other replica was replaced." in report(Changes([], {"faq": []}, []), 20).notes[0]


@pytest.mark.integration
def test_models_change_under_load_and_nothing_fails_or_restarts(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path))
    payloads = {"faq": question_payloads(None)[0], "image": photo_payloads(None)[0]}
    small = {"model": {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False, "device": "cpu"}}
    found = changes(payloads, {"faq": {}, "image": small}, rate=20)
    assert found.failures == {}
    assert found.replaced == []
    assert [step.command for step in found.steps] == [
        f"models {what}"
        for model in ("faq", "image")
        for what in (f"add {model} 2", f"default {model} 2", f"default {model} 1", f"remove {model} 2")
    ]
    for model in ("faq", "image"):
        assert {each.version for each in found.exchanges[model]} == {"1", "2"}
