from deployments.faq_matcher.evaluation import html_report
from deployments.faq_matcher.evaluation.summary import headline, lines, percent


def test_every_metric_that_was_measured(report):
    shown = {line.name: line.value for line in lines(report)}
    assert shown == {
        "Acc@1": "60.0%",
        "Acc@2": "80.0%",
        "Acc@3": "100.0%",
        "Acc@10": "100.0%",
        "Mean rank": "1.60",
        "MRR": "0.767",
        "ECE": f"{report.metrics.expected_calibration_error:.3f}",
        "Coverage": "80.0%",
        "Accuracy of answers": "40.0%",
        "No match: precision": "50.0%",
        "No match: recall": "50.0%",
    }
    assert set(html_report._TILES) <= shown.keys()


def test_tells_the_interval(report):
    low, high = report.metrics.accuracy_interval
    assert f"95% interval {low:.1%} to {high:.1%}" in lines(report)[0].meaning


def test_without_strangers_nothing_is_said_of_them(report_of, matcher, questions):
    report = report_of(matcher, questions)
    assert not [line for line in lines(report) if "No match" in line.name]
    assert headline(report) == "5 questions with one of 3 originals"


def test_headline_names_strangers(report):
    assert headline(report) == "5 questions with one of 3 originals, and 2 strangers with none of them"


def test_what_was_not_measured_is_a_dash():
    assert percent(None) == "\N{EM DASH}"
    assert percent(0.12345) == "12.3%"
