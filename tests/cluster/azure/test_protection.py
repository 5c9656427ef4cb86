import pytest
from azure_stack import configured

from cluster.azure.scope import Scope
from cluster.azure.settings import from_config

PLAN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/ddosProtectionPlans/shared"


def ddos(it):
    network = it.one("network:VirtualNetwork")
    address = it.one("network:PublicIPAddress", "ingress-address")
    return (
        address["ddosSettings"]["protectionMode"],
        network["enableDdosProtection"],
        network.get("ddosProtectionPlan", {}).get("id"),
        it.has("network:DdosProtectionPlan"),
    )


@pytest.mark.parametrize(
    ("protection", "expected"),
    [
        ({"ddos": "none"}, ("VirtualNetworkInherited", False, None, False)),
        ({"ddos": "ip"}, ("Enabled", False, None, False)),
        ({"ddos": "network"}, ("VirtualNetworkInherited", True, "/network:DdosProtectionPlan/ddos-plan", True)),
        ({"ddos": "network", "ddos_plan": PLAN}, ("VirtualNetworkInherited", True, PLAN, False)),
    ],
)
def test_ddos_protection_by_setting(stack, protection, expected):
    it = stack(configured("production", protection=protection))
    assert ddos(it) == expected
    logged = [one.label for one in it.all("monitor:DiagnosticSetting")]
    assert ("ingress-logs" in logged) is (protection["ddos"] != "none")
    policies = [one.label for one in it.all("authorization:PolicyAssignment")]
    assert ("ddos-policy" in policies) is (protection["ddos"] == "network")


@pytest.mark.parametrize("effect", ["off", "audit", "deny"])
def test_pods_must_meet_the_restricted_standard_by_setting(stack, effect):
    it = stack(configured("dev-test", protection={"pod_security": effect}))
    addon = it.one("containerservice:ManagedCluster")["addonProfiles"]["azurepolicy"]["enabled"]
    policies = it.all("authorization:PolicyAssignment")
    assert addon is (effect != "off")
    assert [one.inputs["parameters"]["effect"]["value"] for one in policies] == ([effect] if addon else [])


@pytest.mark.parametrize(("preset", "kept"), [("dev-test", False), ("production", True)])
def test_what_holds_data_is_kept_in_production(preset, kept):
    scope = Scope(from_config(configured(preset)), *[None] * 4)
    assert scope.kept.protect is kept
