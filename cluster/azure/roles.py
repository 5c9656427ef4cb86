"""Azure's roles: who may do what with which resource."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import pulumi
from pulumi_azure_native.authorization import PermissionArgs, RoleAssignment, RoleDefinition

from cluster.azure.scope import Scope

# Azure's built-in roles have the same identifiers everywhere.
BUILT_IN = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
    "Azure Kubernetes Service RBAC Reader": "7f6c6a51-bcf8-42ba-9220-52d62157d7db",
    "Azure Kubernetes Service RBAC Writer": "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb",
    "DNS Zone Contributor": "befefa01-2a29-4197-83a8-272ff33ce314",
    "Grafana Admin": "22926164-76b3-42b3-bc55-97df8dab3e41",
    "Grafana Viewer": "60921a7e-fef1-4a43-9b16-a26c52ad4769",
    "Key Vault Administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "Monitoring Data Reader": "b0d8363b-8ddd-447d-831f-62ca05bff136",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}

_SEES_CLUSTER = [
    "Microsoft.ContainerService/managedClusters/read",
    "Microsoft.ContainerService/managedClusters/agentPools/read",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
]
_SEES_LOGS = [
    "Microsoft.Insights/*/read",
    "Microsoft.OperationalInsights/workspaces/read",
    "Microsoft.OperationalInsights/workspaces/query/read",
    "Microsoft.OperationalInsights/workspaces/query/*/read",
    "Microsoft.OperationalInsights/workspaces/analytics/query/action",
]
_PUSHES_IMAGES = [
    "Microsoft.ContainerRegistry/registries/read",
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/push/write",
    "Microsoft.ContainerRegistry/registries/metadata/read",
]
_OPERATES = [
    "Microsoft.ContainerService/managedClusters/agentPools/write",
    "Microsoft.ContainerService/managedClusters/agentPools/upgradeNodeImageVersion/action",
    "Microsoft.ContainerService/managedClusters/availableAgentPoolVersions/read",
    "Microsoft.ContainerService/managedClusters/upgradeProfiles/read",
    "Microsoft.ContainerService/managedClusters/start/action",
    "Microsoft.ContainerService/managedClusters/stop/action",
    # Azure asks it of whoever changes a pool within somebody's network.
    "Microsoft.Network/virtualNetworks/subnets/join/action",
]

# Roles of this product, within its resource group: what each is for, and the actions of Azure's management.
CUSTOM = {
    "reader": ("See the cluster, its logs and metrics.", [*_SEES_CLUSTER, *_SEES_LOGS]),
    "deployer": ("Push images, deploy to the cluster, see logs.", [*_SEES_CLUSTER, *_SEES_LOGS, *_PUSHES_IMAGES]),
    "operator": ("Scale, upgrade, start and stop the cluster, see logs.", [*_SEES_CLUSTER, *_SEES_LOGS, *_OPERATES]),
}

# What a group may do inside the cluster where Azure's roles hold there; else RoleBindings say it.
_INSIDE = {
    "reader": "Azure Kubernetes Service RBAC Reader",
    "deployer": "Azure Kubernetes Service RBAC Writer",
    "operator": "Azure Kubernetes Service RBAC Reader",
}


def assign(
    scope: Scope,
    label: str,
    role: str,
    *,
    to: pulumi.Input[str],
    on: pulumi.Input[str],
    kind: Literal["Group", "ServicePrincipal"] = "ServicePrincipal",
) -> RoleAssignment:
    """Give a built-in role to an identity or a group.

    Args:
        scope: the stack's.
        label: tells the assignment from others of the stack.
        role: one of `BUILT_IN`.
        to: object id of the principal.
        on: id of the resource or of the resource group.
        kind: what the principal is; Azure needs it for one that was made a moment ago.
    """
    return _assignment(label, _definition_id(scope, BUILT_IN[role]), to=to, on=on, kind=kind)


def assign_groups(scope: Scope, cluster: pulumi.Input[str], vault: pulumi.Input[str]) -> None:
    """Make the custom roles, and give every group of the settings its own."""
    access = scope.settings.access
    groups = {"reader": access.reader_groups, "deployer": access.deployer_groups, "operator": access.operator_groups}
    for role, members in groups.items():
        definition = _custom_role(scope, role)
        for label, group in _labelled(role, members):
            _assignment(label, definition.id, to=group, on=scope.group_id, kind="Group")
            if scope.settings.kubernetes.authorization == "azure":
                assign(scope, f"{label}-kubernetes", _INSIDE[role], to=group, on=cluster, kind="Group")
    for label, group in _labelled("admin", access.admin_groups):
        assign(scope, f"{label}-vault", "Key Vault Administrator", to=group, on=vault, kind="Group")
        if scope.settings.kubernetes.authorization == "azure":
            inside = "Azure Kubernetes Service RBAC Cluster Admin"
            assign(scope, f"{label}-kubernetes", inside, to=group, on=cluster, kind="Group")


def _labelled(role: str, members: Iterable[UUID]) -> list[tuple[str, str]]:
    return [(f"{role}-{group}", str(group)) for group in members]


def _custom_role(scope: Scope, role: str) -> RoleDefinition:
    description, actions = CUSTOM[role]
    return RoleDefinition(
        f"role-{role}",
        # An identifier of one's own keeps the role when it is renamed; it must be unique in the tenant.
        role_definition_id=scope.group_id.apply(lambda group: str(uuid5(NAMESPACE_URL, f"{group}/{role}"))),
        # So must the name be.
        role_name=scope.subscription.apply(lambda it: f"Scoring {role} ({scope.settings.name}, {it})"),
        role_type="CustomRole",
        description=description,
        permissions=[PermissionArgs(actions=actions, not_actions=[])],
        assignable_scopes=[scope.group_id],
        scope=scope.group_id,
    )


def _definition_id(scope: Scope, role: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(
        "/subscriptions/", scope.subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role
    )


def _assignment(
    label: str, role: pulumi.Input[str], *, to: pulumi.Input[str], on: pulumi.Input[str], kind: str
) -> RoleAssignment:
    return RoleAssignment(
        f"may-{label}",
        role_definition_id=role,
        principal_id=to,
        principal_type=kind,
        scope=on,
    )
