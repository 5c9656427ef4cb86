import io

import pytest
from rich.console import Console

from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evaluation.terminal import show


@pytest.fixture
def shown():
    def shown(report, top=10, **options):
        out = io.StringIO()
        show(report, Console(file=out, width=120, **options), top=top)
        return out.getvalue()

    return shown


def test_shows_metrics_and_confusions(shown, report):
    text = shown(report)
    assert "5 questions with one of 3 originals" in text
    for figure in ("60.0%", "0.767", "1.60"):
        assert figure in text
    assert "2 of 2 originals with errors" in text
    assert "1\N{MULTIPLICATION SIGN} How do I begin? (1)" in text
    assert "1 of 2" in text


def test_shows_as_many_originals_as_wanted(shown, report):
    text = shown(report, top=1)
    assert "1 of 2 originals with errors" in text
    assert "Why?" not in text
    assert "Most confused" not in shown(report, top=0)


def test_says_nothing_of_confusions_where_there_are_none(shown, report_of, matcher):
    assert "Most confused" not in shown(report_of(matcher, [Duplicate(1, 101, "how to start")]))


def test_sums_up_rare_confusions(shown, report_of, make_matcher):
    originals = tuple(Original(place, place, f"original {place}") for place in range(6))
    odds = {str(place): [float(place == other) for other in range(6)] for place in range(1, 6)}
    questions = [Duplicate(place, 0, str(place)) for place in range(1, 6)]
    text = shown(report_of(make_matcher(odds, originals), questions))
    assert "original 3 (3)" in text
    assert "original 4" not in text
    assert "and 2 more" in text


@pytest.mark.parametrize("steering", ["\x1b[2J", "\x9b2J", "\r", "\u202e", "\x07"])
def test_texts_cannot_steer_the_terminal(shown, report_of, make_matcher, steering):
    originals = (Original(1, 101, f"a{steering}b"), Original(f"2{steering}", 201, "c"), Original(3, 301, "d"))
    report = report_of(make_matcher({"?": [0, 1, 0]}, originals), [Duplicate(1, 101, "?")])
    text = shown(report)
    assert steering[0] not in text
    assert f"a {steering[1:]}b (1)" in text


def test_texts_are_no_markup(shown, report_of, make_matcher):
    originals = (Original(1, 101, "[red]a[/red]"), Original(2, 201, "[/]"), Original(3, 301, "d"))
    text = shown(report_of(make_matcher({"?": [0, 1, 0]}, originals), [Duplicate(1, 101, "?")]))
    assert "[red]a[/red] (1)" in text
    assert "[/] (2)" in text


def test_long_texts_are_cut(shown, report_of, make_matcher):
    originals = (Original(1, 101, "long " * 100), Original(2, 201, "c"), Original(3, 301, "d"))
    text = shown(report_of(make_matcher({"?": [0, 1, 0]}, originals), [Duplicate(1, 101, "?")]))
    assert text.count("long") == 24
    assert "…" in text
