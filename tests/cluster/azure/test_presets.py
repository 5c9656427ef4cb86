"""What each preset makes, and what it leaves out."""

from collections import Counter

import pytest
from azure_stack import configured

from cluster.azure.settings import from_config

ALWAYS = {
    "resources:ResourceGroup": 1,
    "network:VirtualNetwork": 1,
    "network:Subnet": 2,
    "network:NetworkSecurityGroup": 2,
    "network:NatGateway": 1,
    "network:PublicIPAddress": 2,
    "containerregistry:Registry": 1,
    "keyvault:Vault": 1,
    "operationalinsights:Workspace": 1,
    "containerservice:ManagedCluster": 1,
    "containerservice:MaintenanceConfiguration": 2,
    "containerservice:AgentPool": 2,
    "managedidentity:UserAssignedIdentity": 3,
    "managedidentity:FederatedIdentityCredential": 1,
    "authorization:RoleDefinition": 3,
    "monitor:DataCollectionEndpoint": 1,
    "monitor:DataCollectionRule": 2,
    "monitor:DataCollectionRuleAssociation": 3,
    "monitor:AzureMonitorWorkspace": 1,
    "alertsmanagement:PrometheusRuleGroup": 2,
}
OF = {
    # Pull, join, hand on the kubelet's identity, use the address, read secrets, the administrators' vault.
    "dev-test": {"authorization:RoleAssignment": 6, "monitor:DiagnosticSetting": 3},
    "production": {
        "authorization:RoleAssignment": 8,  # Grafana's own, the administrators' in Grafana
        "authorization:PolicyAssignment": 1,
        "monitor:DiagnosticSetting": 4,  # DDoS protection's
        "dashboard:Grafana": 1,
        "security:Pricing": 1,
    },
}


@pytest.mark.parametrize("preset", OF)
def test_resources(stack, preset):
    made = Counter(one.type for one in stack(configured(preset)).declared)
    extra = {"authorization:PolicyAssignment": 1} if preset == "dev-test" else {}
    assert made == {**ALWAYS, **OF[preset], **extra}


def test_dev_test_costs_little(stack):
    it = stack(configured("dev-test"))
    assert it.one("containerservice:ManagedCluster")["sku"]["tier"] == "Free"
    assert it.one("containerregistry:Registry")["sku"]["name"] == "Basic"
    assert it.one("operationalinsights:Workspace")["workspaceCapping"]["dailyQuotaGb"] == 1


def test_production_has_no_single_point_of_failure(stack):
    it = stack(configured("production"))
    cluster = it.one("containerservice:ManagedCluster")
    assert cluster["sku"]["tier"] == "Standard"
    for pool in (cluster["agentPoolProfiles"][0], it.one("containerservice:AgentPool", "cpu-pool")):
        assert pool["minCount"] >= 3
        assert pool["availabilityZones"] == ["1", "2", "3"]
    assert it.one("containerregistry:Registry")["zoneRedundancy"] == "Enabled"
    assert it.one("network:PublicIPAddress", "ingress-address")["zones"] == ["1", "2", "3"]


@pytest.mark.parametrize("preset", OF)
def test_the_table_of_costs_is_about_these_nodes(repository, preset):
    pools = from_config(configured(preset)).pools
    table = (repository / "docs/aks.md").read_text().split("## What it costs")[1]
    for pool in (pools.system, pools.cpu, pools.gpu):
        assert f" {pool.min_nodes} x {pool.vm_size} |" in table
