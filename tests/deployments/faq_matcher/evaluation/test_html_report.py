import re
from html.parser import HTMLParser

import pytest

from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evaluation import html_report
from deployments.faq_matcher.evaluation.html_report import render

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;</bdi></style>{{ 7*7 }}"


VOID = {"meta", "br", "img", "link"}

# fmt: off
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "p", "time", "main", "dl", "div", "dt",
    "dd", "section", "h2", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "h3", "figcaption",
    "details", "summary", "ul", "li", "span", "bdi", "footer", "svg", "g", "path", "defs", "use", "text",
    "clippath", "rect",
}
# fmt: on


class Page(HTMLParser):
    """What a browser would see: tags with attributes, and texts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def hostile(report_of, make_matcher):
    originals = (Original(HOSTILE, 1, HOSTILE), Original("b", 2, HOSTILE), Original("c", 3, "c"))
    matcher = make_matcher({HOSTILE: [0, 1, 0]}, originals)
    report = report_of(matcher, [Duplicate("q", 1, HOSTILE)], [HOSTILE])
    return report.model_copy(update={"model": {HOSTILE: HOSTILE}})


def test_is_well_formed(report):
    assert Page(render(report)).open == []


def test_texts_stay_texts(hostile):
    page = Page(render(hostile))
    assert {tag for tag, _ in page.tags} <= TAGS
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert page.texts.count(HOSTILE) >= 4


def test_needs_nothing_else(report):
    page = Page(render(report))
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "img", "iframe", "object", "base", "form"}]
    attributes = [(name, value) for _, attrs in page.tags for name, value in attrs.items()]
    assert all(value.startswith("#") for name, value in attributes if name in {"href", "xlink:href", "src"})
    styles = "".join(page.texts) + "".join(value for name, value in attributes if name == "style")
    assert "@import" not in styles
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", styles))
    (policy,) = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_tables_have_captions_and_plots_have_words(report):
    page = Page(render(report))
    names = [tag for tag, _ in page.tags]
    assert names.count("caption") == names.count("table") == 6
    images = [attrs["aria-label"] for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert len(images) == names.count("svg") == 3
    assert "60.0% of 5 questions rank their original first" in images[0]
    assert "threshold" in images[2]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_shows_confusions_with_examples(report):
    text = " ".join(" ".join(Page(render(report)).texts).split())
    assert "1\N{MULTIPLICATION SIGN} How do I begin? (1)" in text
    assert "what comes last (1) has 50.0%; the right one comes as number 2" in text
    assert "stranger, taken in stranger, matched with 80.0%" in text
    assert "1 stranger is taken for it" in text


def test_without_errors_and_strangers(report_of, matcher):
    page = render(report_of(matcher, [Duplicate(1, 101, "how to start")]))
    assert "every question has its own original as the best" in page
    assert "No match" not in page


def test_without_any_answer(report_of, make_matcher, questions, strangers):
    assert Page(render(report_of(make_matcher(threshold=2.0), questions, strangers))).open == []


def test_many_originals_are_left_to_json(report, monkeypatch):
    monkeypatch.setattr(html_report, "MOST_ORIGINALS", 1)
    page = render(report)
    assert "The JSON form has 1 more." in page
    assert "for what reason" not in page


def test_examples_are_bounded(report_of, make_matcher, monkeypatch):
    monkeypatch.setattr(html_report, "MOST_EXAMPLES", 2)
    questions = [Duplicate(number, 101, f"asked {number}") for number in range(5)]
    page = render(report_of(make_matcher({each.text: [0, 1, 0] for each in questions}), questions))
    assert re.findall(r"asked \d", page) == ["asked 0", "asked 1"]
    assert "0 of 5" in page


def test_rare_confusions_are_summed_up(report_of, make_matcher, monkeypatch):
    monkeypatch.setattr(html_report, "MOST_OTHERS", 1)
    odds = {"a": [0, 1, 0], "b": [0, 1, 0], "c": [0, 0, 1]}
    questions = [Duplicate(number, 101, text) for number, text in enumerate("abc")]
    text = " ".join(Page(render(report_of(make_matcher(odds), questions))).texts)
    assert "2\N{MULTIPLICATION SIGN}" in text
    assert "1\N{MULTIPLICATION SIGN}" not in text
    assert "and 1 more" in text
