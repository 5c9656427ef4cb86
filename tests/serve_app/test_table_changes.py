import pytest

from deployments.errors import StartupError
from serve_app.config_file import config_of
from serve_app.layout import lay_out
from serve_app.table_changes import (
    add_version,
    drop_applications,
    find_model,
    leave_out,
    make_default,
    models_of,
    own_settings,
)


@pytest.fixture
def content():
    return lay_out({"models": [{"kind": "faq_matcher", "versions": [{"name": "1", "scaling": {}}]}]})


def settings(content):
    return config_of(content, "a test").settings({})


def titles(content):
    return [f"{model.name}/{version.name}" for model, version in settings(content).versions]


def test_a_version_becomes_an_application_of_its_own(content):
    assert add_version(content, "faq", None, "2", {"model": {"default_top_k": 3}}) == "faq-2"
    assert titles(content) == ["faq/1", "faq/2"]
    (_, second) = settings(content).models[0].versions
    assert (second.application, second.model.default_top_k) == ("faq-2", 3)
    assert settings(content).models[0].default_version == "1"


def test_a_version_may_live_in_the_gateway(content):
    assert add_version(content, "faq", "faq_matcher", "2", {}, in_gateway=True) is None
    assert settings(content).models[0].versions[1].application is None


def test_a_model_that_is_new_needs_its_kind(content):
    with pytest.raises(StartupError, match="There is no model 'cats': say of what kind"):
        add_version(content, "cats", None, "1", {})
    add_version(content, "cats", "image_classifier", "1", {})
    assert titles(content) == ["faq/1", "cats/1"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("faq", "image_classifier", "2"), "The model 'faq' is of the kind faq_matcher, and not image_classifier."),
        (("faq", None, "1"), "The model 'faq' has a version '1' already."),
        (("cats", "sorter", "1"), "no kind of models named 'sorter'"),
    ],
)
def test_what_cannot_be_added_is_said(content, arguments, problem):
    with pytest.raises(StartupError, match=problem):
        add_version(content, *arguments, {})


def test_an_application_of_that_name_stays_its_own(content):
    leave_out_of_two(content)
    assert add_version(content, "faq", None, "2", {}) == "faq-2-2"


def leave_out_of_two(content):
    add_version(content, "faq", None, "2", {})
    assert leave_out(content, "faq", "2") == ["faq-2"]


def test_a_version_goes_in_two_steps_so_that_what_is_under_way_is_answered(content):
    leave_out_of_two(content)
    assert titles(content) == ["faq/1"]
    assert [each["name"] for each in content["applications"]] == ["scoring", "faq-1", "faq-2"]
    drop_applications(content, ["faq-2"])
    assert [each["name"] for each in content["applications"]] == ["scoring", "faq-1"]


def test_a_whole_model_goes(content):
    add_version(content, "cats", "image_classifier", "1", {})
    assert leave_out(content, "cats", None) == ["cats-1"]
    assert titles(content) == ["faq/1"]


def test_neither_the_last_model_nor_a_default_goes(content):
    with pytest.raises(StartupError, match="A service has one model at the least"):
        leave_out(content, "faq", "1")
    add_version(content, "faq", None, "2", {})
    with pytest.raises(StartupError, match="'1' is the default of 'faq': make another one the default before: 2"):
        leave_out(content, "faq", "1")
    make_default(content, "faq", "2")
    assert leave_out(content, "faq", "1") == ["faq-1"]


def test_the_default_is_a_version_that_is_there(content):
    with pytest.raises(StartupError, match=r"The model 'faq' has no version '2'; it has 1\."):
        make_default(content, "faq", "2")
    with pytest.raises(StartupError, match=r"There is no model 'cats'; there are faq\."):
        make_default(content, "cats", "2")


def test_a_table_that_the_file_leaves_out_is_written_into_it():
    content = {"applications": [{"name": "a", "import_path": "serve_app.app:build"}]}
    assert [model["kind"] for model in models_of(content)] == ["faq_matcher", "image_classifier"]
    assert find_model(content, "image")["versions"] == [{"name": "1"}]
    assert titles(content) == ["faq/1", "image/1"]


def test_the_settings_of_a_version_are_those_of_its_application(content):
    own_settings(content, "faq", "1")["scaling"] = {"max_replicas": 3}
    assert settings(content).models[0].versions[0].scaling.max_replicas == 3


def test_a_version_of_the_gateway_becomes_an_application_with_what_it_had():
    content = lay_out({"models": [{"kind": "faq_matcher", "versions": [{"model": {"default_top_k": 4}}]}]})
    own_settings(content, "faq", "1")["scaling"] = {"max_replicas": 3}
    (version,) = settings(content).models[0].versions
    assert (version.application, version.model.default_top_k, version.scaling.max_replicas) == ("faq-1", 4, 3)
