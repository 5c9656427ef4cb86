"""Logs: one workspace, what the cluster's parts write into it, and the way in where the internet is closed."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_azure_native.monitor import (
    AccessModeSettingsArgs,
    DataCollectionEndpoint,
    DataCollectionEndpointNetworkAclsArgs,
    DataCollectionRule,
    DataCollectionRuleAssociation,
    DataCollectionRuleDataSourcesArgs,
    DataCollectionRuleDestinationsArgs,
    DataFlowArgs,
    DiagnosticSetting,
    DiagnosticsLogSettingsArgs,
    ExtensionDataSourceArgs,
    LogAnalyticsDestinationArgs,
    PrivateLinkScope,
    PrivateLinkScopedResource,
)
from pulumi_azure_native.operationalinsights import (
    Workspace,
    WorkspaceCappingArgs,
    WorkspaceFeaturesArgs,
    WorkspaceSkuArgs,
)

from cluster.azure.network import Network
from cluster.azure.private_links import connect
from cluster.azure.scope import Scope

# What answers for Azure Monitor's names inside the network.
_MONITOR_ZONES = (
    "privatelink.monitor.azure.com",
    "privatelink.oms.opinsights.azure.com",
    "privatelink.ods.opinsights.azure.com",
    "privatelink.agentsvc.azure-automation.net",
    "privatelink.blob.core.windows.net",
)

_CONTAINER_STREAM = "Microsoft-ContainerInsights-Group-Default"

# Logs of the control plane; guard is the login by Entra ID. The audit log of changes is by setting.
CONTROL_PLANE_LOGS = ("guard", "cluster-autoscaler", "kube-controller-manager", "cloud-controller-manager")
AUDIT_LOG = "kube-audit-admin"
DDOS_LOGS = ("DDoSProtectionNotifications", "DDoSMitigationFlowLogs", "DDoSMitigationReports")


def public_access(scope: Scope) -> str:
    """Return what Azure's services of monitoring call it."""
    return "Disabled" if scope.settings.private.services else "Enabled"


def build_workspace(scope: Scope) -> Workspace:
    """Log Analytics; clients log in with Entra ID, not with the workspace's keys."""
    monitoring, access = scope.settings.monitoring, public_access(scope)
    cap = monitoring.daily_cap_gb
    return Workspace(
        "logs",
        workspace_name=scope.name("logs"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        sku=WorkspaceSkuArgs(name="PerGB2018"),
        retention_in_days=monitoring.log_retention_days,
        workspace_capping=None if cap is None else WorkspaceCappingArgs(daily_quota_gb=cap),
        features=WorkspaceFeaturesArgs(disable_local_auth=True, enable_log_access_using_only_resource_permissions=True),
        public_network_access_for_ingestion=access,
        public_network_access_for_query=access,
        opts=scope.kept,
    )


def build_collection(
    scope: Scope, network: Network, workspace: Workspace, cluster: pulumi.Input[str]
) -> DataCollectionEndpoint:
    """Where the cluster's agents ask what to collect and bring it, and that they collect every pod's output."""
    endpoint = DataCollectionEndpoint(
        "collection",
        data_collection_endpoint_name=scope.name("collection"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        kind="Linux",
        network_acls=DataCollectionEndpointNetworkAclsArgs(public_network_access=public_access(scope)),
    )
    DataCollectionRuleAssociation(
        "collection-of-cluster",
        # The only name that Azure takes for an endpoint.
        association_name="configurationAccessEndpoint",
        resource_uri=cluster,
        data_collection_endpoint_id=endpoint.id,
    )
    associate(scope, "logs", _container_logs(scope, endpoint, workspace), cluster)
    if scope.settings.private.services:
        _private_way_in(scope, network, workspace, endpoint)
    return endpoint


def associate(scope: Scope, label: str, rule: DataCollectionRule, cluster: pulumi.Input[str]) -> None:
    """Let a rule hold for the cluster."""
    DataCollectionRuleAssociation(
        f"{label}-of-cluster",
        association_name=scope.name(f"{label}-of-cluster"),
        resource_uri=cluster,
        data_collection_rule_id=rule.id,
    )


def send_logs(
    label: str, of: pulumi.Input[str], workspace: Workspace, *, categories: Sequence[str] = (), group: str | None = None
) -> None:
    """Send a resource's own logs to the workspace: some of its categories, or a group of them."""
    chosen = [DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in categories]
    if group:
        chosen.append(DiagnosticsLogSettingsArgs(category_group=group, enabled=True))
    DiagnosticSetting(
        f"{label}-logs",
        name="to-workspace",
        resource_uri=of,
        workspace_id=workspace.id,
        log_analytics_destination_type="Dedicated",
        logs=chosen,
    )


def _container_logs(scope: Scope, endpoint: DataCollectionEndpoint, workspace: Workspace) -> DataCollectionRule:
    collected = {"interval": "1m", "namespaceFilteringMode": "Off", "enableContainerLogV2": True}
    return DataCollectionRule(
        "container-logs",
        data_collection_rule_name=scope.name("container-logs"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        kind="Linux",
        data_collection_endpoint_id=endpoint.id,
        data_sources=DataCollectionRuleDataSourcesArgs(
            extensions=[
                ExtensionDataSourceArgs(
                    name="ContainerInsightsExtension",
                    extension_name="ContainerInsights",
                    streams=[_CONTAINER_STREAM],
                    extension_settings={"dataCollectionSettings": collected},
                )
            ]
        ),
        destinations=DataCollectionRuleDestinationsArgs(
            log_analytics=[LogAnalyticsDestinationArgs(name="workspace", workspace_resource_id=workspace.id)]
        ),
        data_flows=[DataFlowArgs(streams=[_CONTAINER_STREAM], destinations=["workspace"])],
    )


def _private_way_in(scope: Scope, network: Network, workspace: Workspace, endpoint: DataCollectionEndpoint) -> None:
    link = PrivateLinkScope(
        "monitor",
        scope_name=scope.name("monitor"),
        resource_group_name=scope.group,
        location="global",
        tags=scope.tags,
        access_mode_settings=AccessModeSettingsArgs(
            ingestion_access_mode="PrivateOnly", query_access_mode="PrivateOnly"
        ),
    )
    for label, resource in (("logs", workspace.id), ("collection", endpoint.id)):
        PrivateLinkScopedResource(
            f"monitor-{label}",
            name=scope.name(label),
            scope_name=link.name,
            resource_group_name=scope.group,
            linked_resource_id=resource,
        )
    connect(scope, network, "monitor", to=link.id, group="azuremonitor", zones=_MONITOR_ZONES)
