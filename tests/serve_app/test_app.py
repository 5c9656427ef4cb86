import pytest

from deployments import binding
from deployments.autoscaling import REFUSED_AT_ONCE
from deployments.errors import StartupError
from deployments.ingress.settings import DEFAULT_QUEUE

# Replicas of its own, as the stage has them by default.
OWN = {"scaling": {}}
ALL = {**OWN, "preprocess_scaling": {}}


def test_without_settings_the_ingress_has_both_models(deployments, monkeypatch):
    monkeypatch.setattr(binding, "gpus_of_ray", lambda: 0.0)
    built = deployments({})
    assert list(built) == ["ingress"]
    versions = built["ingress"].init_args[0]
    assert [(bound.model, bound.version, bound.kind) for bound in versions] == [
        ("faq", "1", "faq_matcher"),
        ("image", "1", "image_classifier"),
    ]


def test_each_version_of_each_model_may_have_deployments_of_its_own(deployments):
    args = {
        "models": [
            {"kind": "faq_matcher", "name": "help", "versions": [{"name": "old", **OWN}, {"name": "new", **OWN}]},
            {"kind": "image_classifier", "name": "cats", "versions": [{"name": "1", **ALL}, {"name": "2.0", **ALL}]},
            {"kind": "faq_matcher", "name": "shop", "versions": [OWN]},
        ]
    }
    built = deployments(args)
    assert list(built) == [
        "ingress",
        "help-old",
        "help-new",
        "cats-1-preprocess",
        "cats-1",
        "cats-2.0-preprocess",
        "cats-2.0",
        "shop-1",
    ]
    bound = [(each.model, each.version) for each in built["ingress"].init_args[0]]
    assert bound == [("help", "old"), ("help", "new"), ("cats", "1"), ("cats", "2.0"), ("shop", "1")]


def test_a_version_takes_its_own_settings_to_its_replicas(deployments):
    args = {
        "models": [
            {
                "kind": "faq_matcher",
                "versions": [
                    {"name": "1", "model": {"model_dir": "/a"}, **OWN},
                    {"name": "2", "model": {"model_dir": "/b"}},
                ],
            }
        ]
    }
    built = deployments(args)
    assert built["faq-1"].init_args[0].model_dir == "/a"
    assert built["ingress"].init_args[0][1].first_stage.arguments[0].model_dir == "/b"


def test_the_ingress_takes_what_it_works_on_what_may_wait_and_what_it_refuses(deployments):
    scaling = {"max_concurrent_requests": 10, "max_queued_requests": 5}
    assert deployments({"ingress": {"scaling": scaling}})["ingress"].max_ongoing_requests == 15 + REFUSED_AT_ONCE
    scaling = {"max_concurrent_requests": 10}
    built = deployments({"ingress": {"scaling": scaling}})["ingress"]
    assert built.max_ongoing_requests == 10 + DEFAULT_QUEUE + REFUSED_AT_ONCE


def test_limits_may_change_without_new_replicas(deployments):
    assert deployments({"ingress": {"max_body_mb": 5}})["ingress"].user_config["max_body_mb"] == 5


def test_environment_variables_stand_for_text(deployments, monkeypatch):
    monkeypatch.setenv("WHERE", "/models")
    args = {"models": [{"kind": "faq_matcher", "versions": [{"model": {"model_dir": "${WHERE}/faq"}, **OWN}]}]}
    assert deployments(args)["faq-1"].init_args[0].model_dir == "/models/faq"


def test_wrong_settings_end_the_build(deployments):
    with pytest.raises(StartupError, match="modles: unknown key; did you mean models"):
        deployments({"modles": []})
