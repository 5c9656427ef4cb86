import pytest

from deployments import gpus
from deployments.autoscaling import REFUSED_AT_ONCE
from deployments.errors import StartupError
from deployments.ingress.routing.settings import parse_table
from deployments.ingress.settings import DEFAULT_QUEUE
from serve_app.app import build
from serve_app.version import build as build_version

# Replicas of its own, as the stage has them by default.
OWN = {"scaling": {}}
ALL = {**OWN, "preprocess_scaling": {}}


def test_without_settings_the_gateway_has_both_models(deployments, monkeypatch):
    monkeypatch.setattr(gpus, "gpus_of_ray", lambda: 0.0)
    built = deployments({})
    assert list(built) == ["ingress"]
    models = parse_table(built["ingress"].user_config, {}).models
    assert [(model.name, model.kind) for model in models] == [("faq", "faq_matcher"), ("image", "image_classifier")]


def test_each_version_of_each_model_may_be_an_application(deployments):
    args = {
        "models": [
            {"kind": "faq_matcher", "name": "help", "versions": [{"name": "old", **OWN}, {"name": "new", **OWN}]},
            {"kind": "image_classifier", "name": "cats", "versions": [{"name": "1", **ALL}, {"name": "2.0", **ALL}]},
            {"kind": "faq_matcher", "name": "shop", "versions": [OWN]},
        ]
    }
    assert list(deployments(args)) == [
        "ingress",
        "help-old",
        "help-new",
        "cats-1-preprocess",
        "cats-1",
        "cats-2.0-preprocess",
        "cats-2.0",
        "shop-1",
    ]


def test_no_application_has_a_replica_that_nobody_asks(fast):
    root = build_version({"kind": "faq_matcher", "name": "faq-1"})._bound_deployment
    assert root._deployment_config.autoscaling_config.min_replicas == 0
    assert root._deployment_config.autoscaling_config.initial_replicas == 0


def test_a_version_takes_its_own_settings_to_its_replicas(deployments):
    versions = [{"name": name, "model": {"model_dir": f"/{name}"}, **OWN} for name in ("a", "b")]
    built = deployments({"models": [{"kind": "faq_matcher", "versions": versions}]})
    assert built["faq-a"].init_args[0].model_dir == "/a"
    assert built["faq-b"].init_args[0].model_dir == "/b"


def test_the_ingress_takes_what_it_works_on_what_may_wait_and_what_it_refuses(deployments):
    scaling = {"max_concurrent_requests": 10, "max_queued_requests": 5}
    assert deployments({"ingress": {"scaling": scaling}})["ingress"].max_ongoing_requests == 15 + REFUSED_AT_ONCE
    scaling = {"max_concurrent_requests": 10}
    built = deployments({"ingress": {"scaling": scaling}})["ingress"]
    assert built.max_ongoing_requests == 10 + DEFAULT_QUEUE + REFUSED_AT_ONCE


def test_the_gateway_gets_its_limits(deployments):
    assert deployments({"ingress": {"max_body_mb": 5}})["ingress"].init_args[0].max_body_mb == 5


def test_environment_variables_stand_for_text(deployments, monkeypatch):
    monkeypatch.setenv("WHERE", "/models")
    args = {"models": [{"kind": "faq_matcher", "versions": [{"model": {"model_dir": "${WHERE}/faq"}, **OWN}]}]}
    assert deployments(args)["faq-1"].init_args[0].model_dir == "/models/faq"


def test_wrong_settings_end_the_build(fast):
    with pytest.raises(StartupError, match="ingres: unknown key; did you mean ingress"):
        build({"ingres": []})
    with pytest.raises(StartupError, match="modle: unknown key; did you mean model"):
        build_version({"kind": "faq_matcher", "name": "faq-1", "modle": {}})
    with pytest.raises(StartupError, match="no kind of models named 'sorter'"):
        build_version({"kind": "sorter", "name": "faq-1"})
