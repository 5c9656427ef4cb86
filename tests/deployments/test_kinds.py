from importlib.metadata import EntryPoint

import pytest

from deployments import kinds
from deployments.errors import StartupError
from deployments.faq_matcher.kind import KIND
from deployments.kinds import GROUP, find_kind


@pytest.fixture
def installed(monkeypatch):
    """Has other kinds installed than those of the product."""

    def install(*entries):
        found = [EntryPoint(name, value, GROUP) for name, value in entries]
        monkeypatch.setattr(kinds, "entry_points", lambda group: [entry for entry in found if entry.group == group])
        kinds.kinds.cache_clear()

    yield install
    kinds.kinds.cache_clear()


OURS = ("faq_matcher", "deployments.faq_matcher.kind:KIND")


def test_the_products_own_kinds_are_found_by_their_entry_points():
    kinds.kinds.cache_clear()
    assert list(kinds.kinds())[:2] == ["faq_matcher", "image_classifier"]
    assert find_kind("faq_matcher") is KIND


def test_a_kind_that_nobody_brings_is_named_with_those_that_there_are(installed):
    installed(OURS)
    with pytest.raises(StartupError, match=r"no kind of models named 'words'; installed are faq_matcher\."):
        find_kind("words")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (("words", "no_such_module:KIND"), "'words' cannot be imported from no_such_module:KIND: ModuleNotFoundError"),
        (("words", "deployments.kinds:NOTHING"), "'words' cannot be imported from deployments.kinds:NOTHING"),
        (("words", "deployments.kinds:GROUP"), "'words' must name an object of deployments.kinds.Kind"),
        (("words", OURS[1]), "is named 'faq_matcher', and its entry point 'words'"),
        ((OURS[0], "deployments.image_classifier.kind:KIND"), "named 'image_classifier', and its entry point 'faq"),
    ],
)
def test_what_is_no_kind_is_named_with_its_place(installed, entry, words):
    installed(entry)
    with pytest.raises(StartupError, match=words):
        kinds.kinds()


def test_two_kinds_of_one_name_are_refused_with_both_places(installed):
    installed(OURS, ("faq_matcher", "elsewhere:KIND"))
    with pytest.raises(
        StartupError, match=r"Two kinds of models are named 'faq_matcher': deployments\S+ and elsewhere"
    ):
        kinds.kinds()


def test_a_distribution_that_is_found_twice_counts_once(installed):
    installed(OURS, OURS)
    assert kinds.kinds() == {"faq_matcher": KIND}
