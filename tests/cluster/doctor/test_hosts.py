from pathlib import Path

import pytest

from cluster.doctor.azure_hosts import azure_hosts, region_of
from cluster.doctor.findings import Stage
from cluster.doctor.hosts import api_endpoint, targets
from cluster.doctor.rendered import Rendered
from cluster.manifests.objects import objects
from cluster.settings import read_settings

API = "https://api.test:6443"


def hosts(rendered, platform="local", api_server=API):
    return {
        str(each.endpoint or each.why): each for each in targets(rendered, platform=platform, api_server=api_server)
    }


NO_WEIGHTS = {"models": [{"kind": "faq_matcher"}]}


def image_model(**settings):
    return {"models": [{"kind": "image_classifier", "versions": [{"model": settings}]}]}


def test_the_registry_of_each_image_is_needed_to_deploy(build):
    service = build.ray_service(NO_WEIGHTS, head={"containers": [build.container("mine.azurecr.io/scoring:1")]})
    found = hosts(build.rendered(service))
    assert set(found) == {"mine.azurecr.io:443", "registry.test:443"}
    assert found["mine.azurecr.io:443"].stage is Stage.DEPLOY


def test_images_that_are_in_the_nodes_need_no_registry(build):
    own = {"containers": [build.container("ray-scoring:1")]}
    service = build.ray_service(NO_WEIGHTS, head=own, workers=own)
    assert hosts(build.rendered(service)) == {}
    assert "auth.docker.io:443" in hosts(build.rendered(service), "aks")
    never = {"containers": [build.container("mine.azurecr.io/scoring:1", imagePullPolicy="Never")]}
    assert hosts(build.rendered(build.ray_service(NO_WEIGHTS, head=never, workers=never))) == {}


def test_an_image_that_is_no_reference_is_told(build):
    own = {"containers": [build.container("Not An Image")]}
    found = hosts(build.rendered(build.ray_service(NO_WEIGHTS, head=own, workers=own)))
    assert next(iter(found.values())).unknown


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "download.pytorch.org:443"),
        ({"weights_uri": "https://weights.test/a.pth"}, "weights.test:443"),
        ({"weights_uri": "/models/a.pth"}, None),
        ({"model_dir": "/models/converted"}, None),
        ({"download": False}, None),
        ({"keras": {"application": "ResNet152"}}, "storage.googleapis.com:443"),
        ({"keras": {"uri": "s3://models/a.keras"}}, "models.s3.amazonaws.com:443"),
    ],
)
def test_where_weights_come_from(build, settings, host):
    found = hosts(build.rendered(build.ray_service(image_model(**settings)))).keys() - {"registry.test:443"}
    assert found == ({host} if host else set())


def test_what_the_application_asks_while_it_serves(build):
    arguments = NO_WEIGHTS | {
        "ingress": {
            "access": {
                "issuers": [
                    {"issuer": "https://login.test/tenant/v2.0", "audiences": ["api://scoring"]},
                    {"issuer": "https://name.test/", "jwks_uri": "https://keys.test/jwks"},
                ]
            },
            "quotas": {"redis_url": "rediss://:secret@redis.test:6380"},
            "tracing": {"endpoint": "http://collector.test:4318/v1/traces"},
        }
    }
    found = hosts(build.rendered(build.ray_service(arguments)))
    assert found.keys() - {"registry.test:443"} == {
        "login.test:443",
        "keys.test:443",
        "redis.test:6380",
        "collector.test:4318",
    }
    assert all(found[name].stage is Stage.SERVE for name in found.keys() - {"registry.test:443"})
    # The service answers without its traces.
    assert [name for name, each in found.items() if not each.needed] == ["collector.test:4318"]
    assert "secret" not in str(found)


def test_variables_are_those_of_the_pods(build):
    service = image_model(weights_uri="${WEIGHTS}")
    hidden = {"name": "WEIGHTS", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    plain = {"name": "WEIGHTS", "value": "https://weights.test/a.pth"}

    def with_variables(*variables):
        pod = {"containers": [build.container(env=list(variables))]}
        return hosts(build.rendered(build.ray_service(service, head=pod, workers=pod)))

    key = "models.0.versions.0.model.weights_uri"
    assert "weights.test:443" in with_variables(plain)
    assert "which only the pods know" in with_variables(hidden)[key].unknown
    assert "no pod has" in with_variables()[key].unknown


def test_a_hidden_password_does_not_hide_the_host(build):
    arguments = NO_WEIGHTS | {"ingress": {"quotas": {"redis_url": "rediss://:${PASSWORD}@redis.test:6380/0"}}}
    hidden = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    pod = {"containers": [build.container(env=[hidden])]}
    assert "redis.test:6380" in hosts(build.rendered(build.ray_service(arguments, head=pod, workers=pod)))


EXAMPLES = Path(__file__).parents[3] / "cluster" / "examples"


def test_hosts_of_an_example():
    settings = read_settings(EXAMPLES / "aks.settings.yaml")
    wanted = {
        "scoring.azurecr.io:443",
        "scoring.redis.cache.windows.net:6380",
        "scoring-vault.vault.azure.net:443",
        "mcr.microsoft.com:443",
        "nvidia.github.io:443",
    }
    assert wanted <= hosts(Rendered(settings.namespace, objects(settings)), settings.platform).keys()


def test_hosts_of_the_cluster_are_looked_at_from_inside_and_those_that_are_made_not_at_all(build):
    service = build.ray_service(NO_WEIGHTS, gcsFaultToleranceOptions={"redisAddress": "scoring-redis:6379"})
    found = hosts(build.rendered(service))["scoring-redis:6379"]
    assert found.in_cluster
    assert found.stage is Stage.ROUTER
    made = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "scoring-redis"}}
    assert "scoring-redis:6379" not in hosts(build.rendered(service, made))


def test_a_vault_is_a_host(build):
    provider = {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "vault"},
        "spec": {"parameters": {"keyvaultName": "mine"}},
    }
    assert "mine.vault.azure.net:443" in hosts(build.rendered(provider))


def test_hosts_of_aks_with_those_of_its_region_and_of_gpus(build):
    api = "https://mine-abc.hcp.westeurope.azmk8s.io:443"
    plain = hosts(build.rendered(build.ray_service(NO_WEIGHTS)), "aks", api)
    assert {"mcr.microsoft.com:443", "westeurope.data.mcr.microsoft.com:443"} <= plain.keys()
    assert "nvidia.github.io:443" not in plain
    gpu = {"containers": [{"name": "ray", "image": "registry.test/a", "resources": {"limits": {"nvidia.com/gpu": 1}}}]}
    assert "nvidia.github.io:443" in hosts(build.rendered(build.ray_service(NO_WEIGHTS, workers=gpu)), "aks", api)
    assert plain["mcr.microsoft.com:443"].needed
    assert not plain["dc.services.visualstudio.com:443"].needed


def test_of_two_reasons_for_a_host_the_earlier_counts(build):
    arguments = NO_WEIGHTS | {
        "ingress": {
            "access": {"issuers": [{"issuer": "https://login.microsoftonline.com/tenant/v2.0"}]},
            "tracing": {"endpoint": "https://dc.services.visualstudio.com"},
            "quotas": {"redis_url": "rediss://dc.services.visualstudio.com:443"},
        }
    }
    found = hosts(build.rendered(build.ray_service(arguments)), "aks")
    assert found["login.microsoftonline.com:443"].stage is Stage.CREATE
    assert found["dc.services.visualstudio.com:443"].needed


def test_a_region_is_read_from_the_api_server():
    assert region_of("a.privatelink.eastus2.azmk8s.io") == "eastus2"
    assert region_of("hcp.example.com") is None
    assert all("*" not in each.name for each in azure_hosts("a.hcp.eastus.azmk8s.io", gpus=True))


def test_where_the_api_server_is():
    assert str(api_endpoint("https://api.test")) == "api.test:443"
    assert str(api_endpoint("https://[::1]:6443")) == "[::1]:6443"
