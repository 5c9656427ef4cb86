import json

import pytest
import yaml

from cluster.manifests.application import read_application, scalings
from cluster.manifests.objects import ray_service
from deployments.errors import StartupError
from serve_app.settings import parse_settings


def config_of(settings):
    return yaml.safe_load(ray_service(settings)["spec"]["serveConfigV2"])


def test_it_listens_on_all_addresses_of_every_pod(example):
    config = config_of(example)
    assert config["proxy_location"] == "EveryNode"
    assert config["http_options"] == {"host": "0.0.0.0", "port": 8000}


def test_grpc_gets_what_ray_needs_for_it(aks):
    assert config_of(aks)["grpc_options"]["grpc_servicer_functions"]
    ports = ray_service(aks)["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    assert {"name": "serve-grpc", "containerPort": 9000} in ports


def test_production_is_production_whatever_the_file_says(aks, local, changed, application_file):
    path = application_file("{profile: local}")
    settings = changed(aks, application=path, allow_single=True)
    assert config_of(settings)["applications"][0]["args"]["profile"] == "production"
    assert config_of(changed(local, application=path))["applications"][0]["args"]["profile"] == "local"
    unsaid = changed(local, application=application_file("{}"))
    assert config_of(unsaid)["applications"][0]["args"]["profile"] == "production"


@pytest.mark.parametrize("arguments", ["{}", "{models: [{kind: image_classifier, versions: [{}, {name: b}]}]}"])
def test_every_replica_reserves_cpus_and_nothing_else_changes(local, changed, application_file, arguments):
    path = application_file(arguments)
    given = parse_settings({"profile": "production", **yaml.safe_load(arguments)}, {})
    rendered = parse_settings(config_of(changed(local, application=path))["applications"][0]["args"], {})
    assert {scaling.cpus for _, scaling in scalings(rendered)} == {0.5}
    before = [(place, scaling.model_copy(update={"cpus": 0.5})) for place, scaling in scalings(given)]
    assert before == list(scalings(rendered))
    assert [model.name for model in given.models] == [model.name for model in rendered.models]


def test_cpus_that_are_set_stay(aks):
    config = config_of(aks)["applications"][0]["args"]
    assert config["models"][0]["versions"][0]["scaling"]["cpus"] == 1


def test_variables_stay_variables(local):
    model = config_of(local)["applications"][0]["args"]["models"][1]["versions"][0]["model"]
    assert model["model_dir"] == "${SCORING_MODELS}/mobilenet_v2"


def test_a_variable_that_pods_do_not_have_is_told_before(local, changed):
    with pytest.raises(StartupError, match="SCORING_MODELS"):
        read_application(changed(local, pods={}))


def test_settings_that_are_wrong_are_told_before(local, changed, application_file):
    with pytest.raises(StartupError, match=r"ingress\.max_body_mb"):
        ray_service(changed(local, application=application_file("{ingress: {max_body_mb: 0}}")))


def test_production_has_two_of_all(aks, changed, application_file):
    with pytest.raises(StartupError, match=r"ingress\.scaling, models\.0\.versions\.0\.scaling"):
        ray_service(changed(aks, application=application_file("{models: [{kind: faq_matcher}]}")))
    workers = [{"name": "cpu", "min_replicas": 2}, {"name": "gpu", "gpus": 1, "min_replicas": 1}]
    with pytest.raises(StartupError, match="for gpu of workers"):
        ray_service(changed(aks, workers=workers))
    with pytest.raises(StartupError, match="needs redis"):
        ray_service(changed(aks, redis=None))


@pytest.mark.parametrize(
    ("scaling", "pods", "most"),  # most: the bound, None for none
    [
        ({"min_replicas": 2, "max_replicas": 2}, 2, 1),
        ({"min_replicas": 2, "max_replicas": 6}, 6, 1),
        # More replicas than pods can have one each of: they must find room all the same.
        ({"min_replicas": 2, "max_replicas": 6}, 2, 3),
        ({"min_replicas": 4, "max_replicas": 4}, 4, 3),
        ({"min_replicas": 2, "max_replicas": 2, "max_replicas_per_node": 2}, 4, 2),
        ({"min_replicas": 1, "max_replicas": 4}, 4, None),
    ],
)
def test_replicas_of_a_stage_do_not_share_one_pod_in_production(in_production, scaling, pods, most):
    assert in_production(scaling, pods).get("max_replicas_per_node") == most


@pytest.fixture
def in_production(local, changed, application_file):
    """The scaling of a model, as it is rendered for so many pods."""

    def render(scaling, pods):
        version = {"scaling": scaling}
        path = application_file(json.dumps({"models": [{"kind": "faq_matcher", "versions": [version]}]}))
        group = {"name": "cpu", "min_replicas": 1, "max_replicas": pods}
        gpu = {"name": "gpu", "min_replicas": 0, "max_replicas": 20, "gpus": 1}
        values = {"application": path, "environment": "production", "allow_single": True, "workers": [group, gpu]}
        models = config_of(changed(local, **values))["applications"][0]["args"]["models"]
        return models[0]["versions"][0]["scaling"]

    return render


def test_replicas_with_gpus_are_spread_over_pods_with_gpus(aks):
    image = config_of(aks)["applications"][0]["args"]["models"][1]["versions"][0]
    assert image["scaling"]["max_replicas_per_node"] == 1
    assert image["preprocess_scaling"]["max_replicas_per_node"] == 1
