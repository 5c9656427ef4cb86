import json
from datetime import UTC, datetime

from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evaluation.report import EvaluationReport, build_report


def test_json_gives_the_same_report_again(report):
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report


def test_holds_the_data_and_the_model(report):
    form = json.loads(report.model_dump_json())
    assert (form["format"], form["format_version"]) == ("ray-scoring-faq-evaluation", 1)
    assert form["model"] == {"directory": "model"}
    assert form["threshold"] == 0.4
    assert {name: form["data"][name] for name in ("originals", "questions", "strangers")} == {
        "originals": 3,
        "questions": 5,
        "strangers": 2,
    }
    assert form["metrics"]["accuracy_at"] == {"1": 0.6, "2": 0.8, "3": 1.0, "10": 1.0}
    assert len(form["metrics"]["accuracy_interval"]) == 2
    assert len(form["calibration"]) == 15
    assert form["matched_curve"]
    assert form["no_match_curve"]


def test_holds_every_question_with_the_best_originals(report):
    assert len(report.questions) == 7
    third, last = report.questions[2], report.questions[-1]
    assert (third.id, third.text, third.original, third.rank, third.matched) == (13, "what comes last", 2, 2, True)
    assert [(each.id, each.title) for each in third.best][:2] == [(1, "How do I begin?"), (2, "Where is the end?")]
    assert (last.id, last.text, last.original, last.rank) == (None, "stranger, taken in", None, None)


def test_names_originals_by_the_first_line_of_their_text(report_of, make_matcher):
    originals = (Original("a", "x", "Title \n\nA long body"), Original("b", "y", "Other"), Original("c", "z", "Third"))
    report = report_of(make_matcher({"?": [0.1, 0.9, 0]}, originals), [Duplicate("q", "x", "?")])
    (result,) = report.originals
    assert (result.id, result.title) == ("a", "Title")
    assert [(other.id, other.title, other.count) for other in result.confused_with] == [("b", "Other", 1)]
    assert report.confused == (result,)


def test_the_fingerprint_changes_with_the_data(report_of, make_matcher):
    def fingerprint(asked, strangers=()):
        return report_of(make_matcher(), asked, strangers).data.fingerprint

    asked = [Duplicate(1, 101, "the first step")]
    found = [
        fingerprint(asked),
        fingerprint([Duplicate(1, 101, "how to start")]),
        fingerprint([Duplicate(1, 201, "the first step")]),
        fingerprint(asked, ["stranger, refused"]),
    ]
    assert len(set(found)) == 4
    assert fingerprint(asked) == found[0]


def test_tells_when_it_was_made(judgements, matcher, questions, strangers):
    made = datetime(2026, 1, 2, tzinfo=UTC)
    report = build_report(judgements, matcher.originals, questions, strangers, model={}, created_at=made)
    assert report.created_at == made
    assert build_report(judgements, matcher.originals, questions, strangers, model={}).created_at > made


def test_half_a_surrogate_pair_can_be_written(report_of, make_matcher):
    report = report_of(make_matcher({"\ud83d?": [1, 0, 0]}), [Duplicate(1, 101, "\ud83d?")])
    assert report.questions[0].text == "??"
    assert report.model_dump_json().encode()
