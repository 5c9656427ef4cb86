import json

import pytest
import yaml

from cluster.manifests.application import read_application, scalings
from cluster.manifests.objects import ray_service
from deployments.errors import StartupError
from serve_app.config_file import ConfigFile, read_config


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
    assert {args["profile"] for args in applications_of(settings).values()} == {"production"}
    assert config_of(changed(local, application=path))["applications"][0]["args"]["profile"] == "local"
    unsaid = changed(local, application=application_file("{}"))
    assert config_of(unsaid)["applications"][0]["args"]["profile"] == "production"


def applications_of(settings):
    return {each["name"]: each["args"] for each in config_of(settings)["applications"]}


OWN = "{models: [{kind: image_classifier, versions: [{scaling: {}}, {name: b, preprocess_scaling: {}}]}]}"


@pytest.mark.parametrize("arguments", ["{}", OWN])
def test_every_replica_reserves_cpus_and_nothing_else_changes(local, changed, application_file, arguments):
    path = application_file(arguments)
    given = read_config(path)
    found = config_of(changed(local, application=path))
    rendered = ConfigFile(found, "scoring")
    before = list(scalings(given, given.with_room_for_models(given.settings({})).settings({})))
    after = list(scalings(rendered, rendered.settings({})))
    assert {place.scaling.cpus for place in after} == {0.5}
    assert [(place.title, place.scaling.model_copy(update={"cpus": 0.5})) for place in before] == [
        (place.title, place.scaling) for place in after
    ]
    assert rendered.settings({}).model_dump()["models"][0]["name"] == given.settings({}).models[0].name


def test_a_version_that_is_an_application_is_placed_and_one_in_the_gateway_is_the_gateways(local):
    assert applications_of(local)["faq-1"]["scaling"] == {"cpus": 0.5}
    assert applications_of(local)["image-1"]["preprocess_scaling"] == {"cpus": 0.5}
    assert applications_of(local)["scoring"]["ingress"]["scaling"] == {"cpus": 0.5}


def test_cpus_that_are_set_stay(aks):
    assert applications_of(aks)["faq-1"]["scaling"]["cpus"] == 1


def test_variables_stay_variables(local):
    assert applications_of(local)["image-1"]["model"]["model_dir"] == "${SCORING_MODELS}/mobilenet_v2"


def test_a_variable_that_pods_do_not_have_is_told_before(local, changed):
    with pytest.raises(StartupError, match="SCORING_MODELS"):
        read_application(changed(local, pods={}))


def test_settings_that_are_wrong_are_told_before(local, changed, application_file):
    with pytest.raises(StartupError, match=r"ingress\.max_body_mb"):
        ray_service(changed(local, application=application_file("{ingress: {max_body_mb: 0}}")))


def test_production_has_two_of_all(aks, changed, application_file):
    single = changed(aks, application=application_file("{models: [{kind: faq_matcher, versions: [{scaling: {}}]}]}"))
    with pytest.raises(StartupError, match=r"scoring\.ingress\.scaling, faq-1\.scaling of"):
        ray_service(single)
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
        return applications_of(changed(local, **values))["faq-1"]["scaling"]

    return render


def test_replicas_with_gpus_are_spread_over_pods_with_gpus(aks):
    image = applications_of(aks)["image-1"]
    assert image["scaling"]["max_replicas_per_node"] == 1
    assert image["preprocess_scaling"]["max_replicas_per_node"] == 1
