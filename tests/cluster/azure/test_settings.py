import pytest
import yaml
from azure_stack import ADMINS, configured

from cluster.azure.presets import PRESETS
from cluster.azure.settings import from_config
from deployments.errors import StartupError

WHOLE_INTERNET = {"network": {"trusted_ranges": ["0.0.0.0/0"]}}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_needs_little_beside_it(preset):
    settings = from_config(configured(preset))
    assert settings.preset == preset
    assert settings.pools.gpu is not None


def test_what_is_given_stands_in_a_presets_place_key_by_key():
    settings = from_config(configured("production", pools={"cpu": {"max_nodes": 40}, "gpu": None}))
    assert settings.pools.cpu.max_nodes == 40
    assert settings.pools.cpu.vm_size == PRESETS["production"]["pools"]["cpu"]["vm_size"]
    assert settings.pools.gpu is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"preset": "huge"}, "preset"),
        ({"preset": "production"}, "trusted_ranges"),
        ({"pools": {"gpu": {"min_node": 3}}}, "pools.gpu.min_node: unknown key"),
        ({"pools": {"cpu": {"min_nodes": 9}}}, "min_nodes is more"),
        ({"pools": {"system": {"spot": True}}}, "taken back"),
        ({"access": {"admin_groups": []}}, "access.admin_groups"),
        ({"access": {"admin_groups": ["administrators"]}}, "access.admin_groups"),
        (WHOLE_INTERNET, "whole internet"),
        ({"network": {"pods": "10.64.128.0/17"}}, "overlap"),
        ({"network": {"nodes": "10.99.0.0/20"}}, "not within"),
        ({"private": {"services": True}}, "Premium"),
        ({"private": {"ingress": True}, "protection": {"ddos": "ip"}}, "public ingress"),
        ({"protection": {"ddos_plan": "/subscriptions/s/resourceGroups/g/providers/p"}}, "ddos: network"),
        ({"budget": {"monthly_amount": 9, "emails": ["a@b.example"], "start": "2027-01-02"}}, "first of a month"),
        ({"monitoring": {"prometheus": False, "grafana": True}}, "grafana needs prometheus"),
        ({"domain": {"zone": "nodots"}}, "domain.zone"),
        ({"name": "Much-Too-Long-A-Name"}, "name"),
    ],
)
def test_what_is_wrong_is_named(given, problem):
    with pytest.raises(StartupError, match=problem):
        from_config({**configured("dev-test"), **given})


def test_a_stack_without_settings_says_what_it_needs():
    with pytest.raises(StartupError, match="preset, location and access"):
        from_config(None)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_stacks_to_copy_are_valid(preset, repository):
    file = repository / f"cluster/azure/Pulumi.{preset}.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    assert from_config(config["ray-scoring-aks:settings"]).preset == preset


def test_every_setting_is_described():
    from pydantic import BaseModel

    from cluster.azure import node_pool_settings, settings

    models = [
        model
        for module in (settings, node_pool_settings)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and model.__module__ == module.__name__
    ]
    assert len(models) > 10
    assert [(m, name) for m in models for name, field in m.model_fields.items() if not field.description] == []


def test_a_group_is_an_object_id():
    assert str(from_config(configured("dev-test")).access.admin_groups[0]) == ADMINS
