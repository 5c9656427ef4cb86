"""Identities without secrets: the control plane's, the kubelets', the pods'."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.authorization import RoleAssignment
from pulumi_azure_native.containerregistry import Registry
from pulumi_azure_native.managedidentity import FederatedIdentityCredential, UserAssignedIdentity

from cluster.azure.network import Network
from cluster.azure.roles import assign
from cluster.azure.scope import Scope


@dataclass(frozen=True)
class ClusterIdentities:
    """Of the cluster itself, with what must be theirs before it can be made."""

    control_plane: UserAssignedIdentity
    kubelet: UserAssignedIdentity
    needed: list[RoleAssignment]


def build_cluster_identities(scope: Scope, network: Network, registry: Registry) -> ClusterIdentities:
    """The control plane joins nodes and addresses to the network; kubelets pull images, and nothing else."""
    control_plane, kubelet = _identity(scope, "control-plane"), _identity(scope, "kubelet")
    needed = [
        assign(scope, "join-nodes", "Network Contributor", to=control_plane.principal_id, on=network.nodes),
        assign(scope, "hand-on-kubelet", "Managed Identity Operator", to=control_plane.principal_id, on=kubelet.id),
        assign(scope, "pull-images", "AcrPull", to=kubelet.principal_id, on=registry.id),
    ]
    if network.ingress is not None:
        on = network.ingress.id
        needed.append(assign(scope, "use-address", "Network Contributor", to=control_plane.principal_id, on=on))
    return ClusterIdentities(control_plane, kubelet, needed)


def build_pod_identity(
    scope: Scope, label: str, *, issuer: pulumi.Input[str], namespace: str, service_account: str
) -> UserAssignedIdentity:
    """Make an identity that the pods of one service account have (workload identity)."""
    identity = _identity(scope, label)
    FederatedIdentityCredential(
        f"{label}-federation",
        federated_identity_credential_resource_name=scope.name(label),
        resource_name_=identity.name,
        resource_group_name=scope.group,
        issuer=issuer,
        subject=f"system:serviceaccount:{namespace}:{service_account}",
        audiences=["api://AzureADTokenExchange"],
    )
    return identity


def _identity(scope: Scope, label: str) -> UserAssignedIdentity:
    return UserAssignedIdentity(
        f"{label}-identity",
        resource_name_=scope.name(label),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
    )
