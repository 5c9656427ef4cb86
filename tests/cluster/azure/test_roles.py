"""Who may do what."""

import pytest
from azure_stack import ADMINS, DEPLOYERS, OPERATORS, READERS, SUBSCRIPTION, configured

from cluster.azure.roles import BUILT_IN, CUSTOM

ASSIGNMENT = "authorization:RoleAssignment"
NAMES = {identifier: name for name, identifier in BUILT_IN.items()}
GROUPS = {
    "admin_groups": [ADMINS],
    "deployer_groups": [DEPLOYERS],
    "operator_groups": [OPERATORS],
    "reader_groups": [READERS],
}


def assigned(it):
    """Every assignment's role by name, principal and resource."""
    return [
        (NAMES.get(role := one.inputs["roleDefinitionId"].split("/")[-1], role), one.inputs["principalId"], one)
        for one in it.all(ASSIGNMENT)
    ]


@pytest.mark.parametrize("preset", ["dev-test", "production"])
def test_kubelets_pull_images_and_nothing_else(stack, preset):
    it = stack(configured(preset))
    assert it.one("containerservice:ManagedCluster")["identityProfile"]["kubeletidentity"]["objectId"] == (
        "kubelet-identity"
    )
    theirs = [(role, one.inputs["scope"]) for role, who, one in assigned(it) if who == "kubelet-identity"]
    assert theirs == [("AcrPull", "/containerregistry:Registry/scoring")]


def test_pods_read_secrets_and_the_models_that_are_named(stack):
    account = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/models"
    it = stack(configured("production", workload={"storage_accounts": [account]}))
    theirs = [(role, one.inputs["scope"]) for role, who, one in assigned(it) if who == "pods-identity"]
    assert sorted(theirs) == [
        ("Key Vault Secrets User", "/keyvault:Vault/scoring"),
        ("Storage Blob Data Reader", account),
    ]


def test_the_control_plane_reaches_only_its_own_parts_of_the_network(stack):
    it = stack(configured("production"))
    theirs = {(role, one.inputs["scope"]) for role, who, one in assigned(it) if who == "control-plane-identity"}
    assert theirs == {
        ("Network Contributor", "/network:Subnet/nodes-subnet"),
        ("Network Contributor", "/network:PublicIPAddress/ingress-address"),
        ("Managed Identity Operator", "/managedidentity:UserAssignedIdentity/kubelet-identity"),
    }


def test_groups_have_the_custom_roles_within_the_resource_group(stack):
    it = stack(configured("production", access=GROUPS))
    for role, group in (("deployer", DEPLOYERS), ("operator", OPERATORS), ("reader", READERS)):
        definition = it.one("authorization:RoleDefinition", f"role-{role}")
        assert definition["assignableScopes"] == ["/resources:ResourceGroup/scoring"]
        given = it.one(ASSIGNMENT, f"may-{role}-{group}")
        assert given["scope"] == "/resources:ResourceGroup/scoring"
        assert (given["principalId"], given["principalType"]) == (group, "Group")


def test_custom_roles_neither_get_keys_nor_hand_out_roles():
    for _, actions in CUSTOM.values():
        assert not any("*" in action.split("/")[0] for action in actions)
        assert not [action for action in actions if action.startswith("Microsoft.Authorization/")]
        assert not [action for action in actions if "AdminCredential" in action or "listKeys" in action]
    writes = {
        role: [it for it in actions if it.endswith(("/write", "/delete"))] for role, (_, actions) in CUSTOM.items()
    }
    assert writes["reader"] == []
    assert writes["deployer"] == ["Microsoft.ContainerRegistry/registries/push/write"]
    assert writes["operator"] == ["Microsoft.ContainerService/managedClusters/agentPools/write"]


@pytest.mark.parametrize("authorization", ["kubernetes", "azure"])
def test_azures_roles_hold_in_the_cluster_by_setting(stack, authorization):
    it = stack(configured("production", access=GROUPS, kubernetes={"authorization": authorization}))
    inside = {(role, who) for role, who, _ in assigned(it) if role.startswith("Azure Kubernetes Service RBAC")}
    expected = {
        ("Azure Kubernetes Service RBAC Cluster Admin", ADMINS),
        ("Azure Kubernetes Service RBAC Writer", DEPLOYERS),
        ("Azure Kubernetes Service RBAC Reader", OPERATORS),
        ("Azure Kubernetes Service RBAC Reader", READERS),
    }
    assert inside == (expected if authorization == "azure" else set())
    cluster = it.one("containerservice:ManagedCluster")
    assert cluster["aadProfile"]["enableAzureRBAC"] is (authorization == "azure")


def test_a_group_with_two_parts_has_both(stack):
    both = {"admin_groups": [ADMINS], "deployer_groups": [OPERATORS], "operator_groups": [OPERATORS]}
    it = stack(configured("production", access=both))
    assert it.one(ASSIGNMENT, f"may-deployer-{OPERATORS}")
    assert it.one(ASSIGNMENT, f"may-operator-{OPERATORS}")
    assert it.one(ASSIGNMENT, f"may-viewer-{OPERATORS}-grafana")
