import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from deployments.errors import StartupError
from deployments.ingress.routing.settings import MODELS, RESERVED_NAMES
from serve_app.settings import ServiceSettings, parse_settings


def faq(**version):
    return {"models": [{"kind": "faq_matcher", "versions": [version]}]}


def image(**version):
    return {"models": [{"kind": "image_classifier", "versions": [version]}]}


def problems(args, environment=None):
    """Parse, and return what is wrong by key."""
    with pytest.raises(StartupError) as raised:
        parse_settings(args, environment or {})
    first, *lines = str(raised.value).split("\n")
    assert first == "The settings are not valid:"
    assert all(line.startswith("  ") for line in lines)
    return dict(line.strip().split(": ", 1) for line in lines)


def test_without_settings_both_models_are_served_from_a_laptop():
    parsed = parse_settings({}, {})
    assert parsed.profile == "local"
    assert [(model.kind, model.name) for model in parsed.models] == [
        ("faq_matcher", "faq"),
        ("image_classifier", "image"),
    ]
    assert [[version.name for version in model.versions] for model in parsed.models] == [["1"], ["1"]]
    assert parsed.models[1].versions[0].model.architecture == "resnet152"


def test_the_first_version_comes_first():
    args = {"models": [{"kind": "faq_matcher", "versions": [{"name": "b"}, {"name": "a"}]}]}
    assert [version.name for version in parse_settings(args, {}).models[0].versions] == ["b", "a"]


@pytest.mark.parametrize(
    ("args", "key", "problem"),
    [
        (
            {"modles": []},
            "modles",
            "unknown key; did you mean models? (known keys: models, default_models, profile, ingress)",
        ),
        ({"ingress": {"max_body": 1}}, "ingress.max_body", "unknown key; did you mean max_body_mb?"),
        (
            {"ingress": {"scaling": {"min_replica": 1}}},
            "ingress.scaling.min_replica",
            "unknown key; did you mean min_replicas? (known keys: min_replicas, max_replicas,",
        ),
        (
            {"models": [{"kind": "faq_matcher", "naem": "x"}]},
            "models.0.naem",
            "unknown key; did you mean name? (known keys: kind, name, default, versions)",
        ),
        (
            faq(preprocess={}),
            "models.0.versions.0.preprocess",
            "unknown key (known keys: name, application, model, scaling)",
        ),
        (
            image(model={"architecure": "x"}),
            "models.0.versions.0.model.architecure",
            "unknown key; did you mean architecture? (known keys: architecture, weights,",
        ),
        (faq(model={"default_topk": 3}), "models.0.versions.0.model.default_topk", "did you mean default_top_k?"),
        ({"zzz": 1}, "zzz", "unknown key (known keys: models, default_models, profile, ingress)"),
    ],
)
def test_an_unknown_key_is_told_which_are_known_at_every_depth(args, key, problem):
    assert problem in problems(args)[key]


@pytest.mark.parametrize(
    ("args", "key", "problem"),
    [
        ({"profile": "prod"}, "profile", "must be 'local' or 'production', not 'prod'"),
        ({"ingress": {"max_body_mb": "big"}}, "ingress.max_body_mb", "must be a valid integer, not 'big'"),
        ({"ingress": {"max_body_mb": 0}}, "ingress.max_body_mb", "must be greater than or equal to 1, not 0"),
        ({"ingress": {"max_body_mb": 1025}}, "ingress.max_body_mb", "must be less than or equal to 1024, not 1025"),
        ({"ingress": None}, "ingress", "must hold settings by key, not None"),
        ({"ingress": {"scaling": 3}}, "ingress.scaling", "must hold settings by key, not 3"),
        ({"models": {}}, "models", "must be a valid list, not {}"),
        ({"models": []}, "models", "List should have at least 1 item"),
        ({"models": ["faq"]}, "models.0", "must hold settings by key, not 'faq'"),
        ({"models": [{}]}, "models.0.kind", "must be 'faq_matcher' or 'image_classifier'"),
        ({"models": [{"kind": "faq"}]}, "models.0.kind", "must be 'faq_matcher' or 'image_classifier', not 'faq'"),
        ({"models": [{"kind": "faq_matcher", "versions": []}]}, "models.0.versions", "at least 1 item"),
        ({"models": [{"kind": "faq_matcher", "name": "My FAQ"}]}, "models.0.name", "should match pattern"),
        ({"models": [{"kind": "faq_matcher", "name": "a/b"}]}, "models.0.name", "should match pattern"),
        (faq(name=1), "models.0.versions.0.name", "must be a valid string, not 1"),
        (
            faq(scaling={"target_utilization": 1.5}),
            "models.0.versions.0.scaling.target_utilization",
            "must be less than or equal to 1, not 1.5",
        ),
        (
            faq(scaling={"min_replicas": 3, "max_replicas": 2}),
            "models.0.versions.0.scaling",
            "max_replicas (2) must be at least min_replicas (3)",
        ),
        (
            image(model={"device": "gpu"}),
            "models.0.versions.0.model.device",
            "must be 'auto', 'cpu' or 'cuda', not 'gpu'",
        ),
        (
            image(model={"gpus": "all"}),
            "models.0.versions.0.model.gpus",
            "must be a valid number, or 'auto', not 'all'",
        ),
        (
            image(model={"gpus": -1}),
            "models.0.versions.0.model.gpus",
            "must be greater than or equal to 0, or 'auto', not -1",
        ),
        (image(model={"weights_sha256": "abc"}), "models.0.versions.0.model.weights_sha256", "not 'abc'"),
        (
            faq(model={"model_dir": "/model", "questions": "q.tsv"}),
            "models.0.versions.0.model",
            "model_dir and questions exclude each other",
        ),
        (faq(model={"answers": "a.tsv"}), "models.0.versions.0.model", "questions is required where answers is given"),
    ],
)
def test_a_wrong_value_is_told_what_is_allowed(args, key, problem):
    assert problem in problems(args)[key]


def test_every_error_is_named_at_once():
    args = {
        "profil": "local",
        "profile": "test",
        "ingress": {"request_timeout_seconds": "soon", "max_body_mb": 0},
        "models": [
            {"kind": "faq_matcher", "name": "${FAQ_NAME}", "versions": [{"scaling": {"cpus": -1}}]},
            {"kind": "image_classifier", "versions": [{"model": {"seed": -1, "sed": 0}}, {"model": {"threads": 0}}]},
            {"kind": "sorter"},
        ],
    }
    assert set(problems(args)) == {
        "profil",
        "profile",
        "ingress.request_timeout_seconds",
        "ingress.max_body_mb",
        "models.0.name",
        "models.0.versions.0.scaling.cpus",
        "models.1.versions.0.model.seed",
        "models.1.versions.0.model.sed",
        "models.1.versions.1.model.threads",
        "models.2.kind",
    }


def test_default_models_are_there_and_take_what_they_are_named_for():
    args = {"models": [{"kind": "faq_matcher", "name": "help"}], "default_models": {"text": "help"}}
    assert parse_settings(args, {}).default_models == {"text": "help"}
    args["default_models"] = {"text": "faq", "images": "help"}
    assert problems(args)[""] == (
        "default_models names 'faq' for text; of models that take text there are help; "
        "default_models names 'help' for images; of models that take images there is none"
    )


def test_a_default_is_a_version_that_is_there():
    versions = [{"name": "a"}, {"name": "b"}]
    args = {"models": [{"kind": "faq_matcher", "default": "b", "versions": versions}]}
    assert parse_settings(args, {}).models[0].default_version == "b"
    args["models"][0]["default"] = "c"
    assert problems(args)["models"] == "'faq' has no version 'c' to be its default"


def test_an_application_is_one_version():
    versions = [{"name": "a", "application": "faq-1"}, {"name": "b", "application": "faq-1"}]
    args = {"models": [{"kind": "faq_matcher", "versions": versions}]}
    assert problems(args)["models"] == "two versions name the application 'faq-1'"


def test_names_of_models_and_versions_occur_once():
    args = {
        "models": [
            {"kind": "faq_matcher", "name": "help", "versions": [{"name": "1"}, {"name": "2"}, {"name": "1"}]},
            {"kind": "image_classifier", "name": "help"},
        ]
    }
    assert problems(args)["models"] == "the name 'help' occurs twice; 'help' has two versions of the name '1'"


def test_versions_of_different_models_may_have_the_same_name():
    args = {"models": [{"kind": "faq_matcher", "name": "a"}, {"kind": "faq_matcher", "name": "b"}]}
    assert len(parse_settings(args, {}).models) == 2


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_names_that_routes_need_are_reserved(name):
    found = problems({"models": [{"kind": "faq_matcher", "name": name}]})
    assert found["models"] == f"the name '{name}' is reserved; choose another"


def test_wrong_names_are_told_beside_other_errors():
    found = problems({"profile": 1, "models": [{"kind": "faq_matcher", "name": "v2"}]})
    assert set(found) == {"profile", "models"}


def test_a_long_value_is_cut_short():
    assert len(problems({"profile": "x" * 10_000})["profile"]) < 100


# Environment variables


def test_variables_stand_for_text_anywhere():
    environment = {"DIR": "/models", "PROFILE": "production", "MB": "7", "EMPTY": ""}
    args = {
        "profile": "${PROFILE}",
        "ingress": {"max_body_mb": "${MB}"},
        **faq(model={"model_dir": "${DIR}/${EMPTY}faq-${MB}"}),
    }
    parsed = parse_settings(args, environment)
    assert parsed.profile == "production"
    assert parsed.ingress.max_body_mb == 7
    assert parsed.models[0].versions[0].model.model_dir == "/models/faq-7"


@pytest.mark.parametrize("text", ["$DIR", "${}", "${1}", "${A B}", "$${", "{DIR}"])
def test_other_dollar_signs_are_left_alone(text):
    assert parse_settings(faq(model={"model_dir": text}), {}).models[0].versions[0].model.model_dir == text


def test_what_a_variable_holds_is_not_expanded_again():
    parsed = parse_settings(faq(model={"model_dir": "${A}"}), {"A": "${B}", "B": "x"})
    assert parsed.models[0].versions[0].model.model_dir == "${B}"


def test_every_missing_variable_is_named_with_its_key_and_no_error_that_only_follows_from_it():
    args = {
        "profile": "${PROFILE}",
        "ingress": {"max_body_mb": "${MB}"},
        **faq(name="${MAJOR}.${MINOR}", model={"model_dir": "${DIR}"}),
    }
    assert problems(args, {"MAJOR": "1"}) == {
        "profile": "the environment variable PROFILE is not set",
        "ingress.max_body_mb": "the environment variable MB is not set",
        "models.0.versions.0.name": "the environment variable MINOR is not set",
        "models.0.versions.0.model.model_dir": "the environment variable DIR is not set",
    }
    assert problems(faq(name="${MAJOR}.${MINOR}")) == {
        "models.0.versions.0.name": "the environment variables MAJOR, MINOR are not set"
    }


# Anything at all


def names_of(model):
    """Names of all keys, so that what is generated gets below the first level."""
    return set(model.model_fields) | {
        name
        for field in model.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for name in names_of(field.annotation)
    }


KEYS = sorted(names_of(ServiceSettings) | set().union(*map(names_of, MODELS.values())) | {"model", "architecture"})
KINDS = st.sampled_from(["faq_matcher", "image_classifier"])
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | KINDS
ATOMS |= st.sampled_from(["${UNSET}", "${HOME}", "auto", "local", -1, 0, 1, 10**400, math.inf])
JSON = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=4),
    max_leaves=12,
)
ANY_MODEL = st.fixed_dictionaries({"kind": KINDS | JSON}, optional={"name": JSON, "versions": st.lists(JSON) | JSON})
ARGS = st.dictionaries(st.sampled_from(KEYS) | st.text(), JSON, max_size=4)
ARGS |= st.fixed_dictionaries(
    {}, optional={"profile": JSON, "ingress": JSON, "models": st.lists(ANY_MODEL, max_size=3)}
)


@settings(deadline=None)
@given(ARGS)
def test_anything_is_either_parsed_or_explained(args):
    try:
        parsed = parse_settings(args, {"HOME": "/home"})
    except StartupError as error:
        lines = str(error).splitlines()
        assert len(lines) > 1
        assert "not valid" in lines[0]
    else:
        assert parsed.models


def test_no_two_stages_can_get_one_name():
    versions = [{"name": "preprocess"}]
    with pytest.raises(StartupError, match="no version may be named 'preprocess'"):
        parse_settings({"models": [{"kind": "image_classifier", "versions": versions}]}, {})
    with pytest.raises(StartupError, match=r"versions\.0\.name"):
        parse_settings({"models": [{"kind": "faq_matcher", "versions": [{"name": "b-1"}]}]}, {})


def test_no_number_is_infinite():
    with pytest.raises(StartupError, match=r"ingress\.request_timeout_seconds"):
        parse_settings({"ingress": {"request_timeout_seconds": float("inf")}}, {})
