"""All of it, in the order in which one part needs another."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.containerservice import ManagedCluster
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from cluster.azure.budget import build_budget
from cluster.azure.dns_zone import build_dns, internal_address
from cluster.azure.identity import build_cluster_identities, build_pod_identity
from cluster.azure.key_vault import build_key_vault
from cluster.azure.managed_cluster import build_cluster
from cluster.azure.metrics import build_metrics
from cluster.azure.monitoring import (
    AUDIT_LOG,
    CONTROL_PLANE_LOGS,
    DDOS_LOGS,
    build_collection,
    build_workspace,
    send_logs,
)
from cluster.azure.network import Network, build_network
from cluster.azure.node_pools import build_node_pools
from cluster.azure.protection import ddos_plan, protect
from cluster.azure.registry import build_registry
from cluster.azure.roles import assign, assign_groups
from cluster.azure.scope import Scope, open_scope
from cluster.azure.settings import AzureSettings

Outputs = dict[str, pulumi.Input[object]]


def build(settings: AzureSettings) -> Outputs:
    """Declare every resource of a stack.

    Returns:
        What deploying to the cluster needs: names and identifiers, no secret.
    """
    scope = open_scope(settings)
    plan = ddos_plan(scope)
    network = build_network(scope, plan)
    workspace = build_workspace(scope)
    registry = build_registry(scope, network)
    vault = build_key_vault(scope, network)
    identities = build_cluster_identities(scope, network, registry)
    cluster = build_cluster(scope, network, identities, workspace.id)
    build_node_pools(scope, network, cluster)
    issuer = _issuer(cluster)
    pods = _pod_identity(scope, issuer, vault.id)
    collection = build_collection(scope, network, workspace, cluster.id)
    grafana = build_metrics(scope, network, collection, cluster.id)
    categories = [*CONTROL_PLANE_LOGS, *([AUDIT_LOG] if settings.monitoring.audit_logs else [])]
    send_logs("cluster", cluster.id, workspace, categories=categories)
    send_logs("vault", vault.id, workspace, group="audit")
    send_logs("registry", registry.id, workspace, group="audit")
    if network.ingress is not None and settings.protection.ddos != "none":
        send_logs("ingress", network.ingress.id, workspace, categories=DDOS_LOGS)
    assign_groups(scope, cluster.id, vault.id)
    protect(scope, plan)
    build_budget(scope)
    return {
        "resourceGroup": scope.group,
        "clusterName": cluster.name,
        "registry": registry.login_server,
        "vault": vault.name,
        "tenantId": scope.tenant,
        "oidcIssuer": issuer,
        "podsClientId": pods.client_id,
        "namespace": settings.workload.namespace,
        "serviceAccount": settings.workload.service_account,
        "logs": workspace.customer_id,
        **({} if grafana is None else {"grafana": grafana.properties.apply(lambda it: it.endpoint)}),
        **_ingress(scope, network),
        **build_dns(scope, network, issuer),
    }


def _issuer(cluster: ManagedCluster) -> pulumi.Output[str]:
    return cluster.oidc_issuer_profile.apply(lambda profile: profile.issuer_url if profile else "")


def _pod_identity(scope: Scope, issuer: pulumi.Output[str], vault: pulumi.Output[str]) -> UserAssignedIdentity:
    workload = scope.settings.workload
    pods = build_pod_identity(
        scope, "pods", issuer=issuer, namespace=workload.namespace, service_account=workload.service_account
    )
    assign(scope, "read-secrets", "Key Vault Secrets User", to=pods.principal_id, on=vault)
    for number, account in enumerate(workload.storage_accounts):
        assign(scope, f"read-models-{number}", "Storage Blob Data Reader", to=pods.principal_id, on=account)
    return pods


def _ingress(scope: Scope, network: Network) -> Outputs:
    """What the gateway's Service says to Azure, as annotations of `service.beta.kubernetes.io/`."""
    if network.ingress is None:
        address = internal_address(scope.settings)
        return {
            "ingressAddress": address,
            "ingressAnnotations": {"azure-load-balancer-internal": "true", "azure-load-balancer-ipv4": address},
        }
    return {
        "ingressAddress": network.ingress.ip_address,
        "ingressAnnotations": {
            "azure-load-balancer-resource-group": scope.group,
            "azure-pip-name": network.ingress.name,
        },
    }
