"""Metrics: managed Prometheus with the product's rules, managed Grafana."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.dashboard import (
    AzureMonitorWorkspaceIntegrationArgs,
    Grafana,
    GrafanaIntegrationsArgs,
    ManagedGrafanaPropertiesArgs,
    ManagedPrivateEndpoint,
    ManagedServiceIdentityArgs,
    ResourceSkuArgs,
)
from pulumi_azure_native.monitor import (
    AzureMonitorWorkspace,
    DataCollectionEndpoint,
    DataCollectionRule,
    DataCollectionRuleDataSourcesArgs,
    DataCollectionRuleDestinationsArgs,
    DataFlowArgs,
    MonitoringAccountDestinationArgs,
    PrometheusForwarderDataSourceArgs,
)

from cluster.azure.alert_rules import build_rules
from cluster.azure.monitoring import associate, public_access
from cluster.azure.network import Network
from cluster.azure.private_links import connect
from cluster.azure.roles import assign
from cluster.azure.scope import Scope

_STREAM = "Microsoft-PrometheusMetrics"


def build_metrics(
    scope: Scope, network: Network, collection: DataCollectionEndpoint, cluster: pulumi.Input[str]
) -> Grafana | None:
    """Collect the cluster's and the product's metrics, watch them, show them; by setting."""
    if not scope.settings.monitoring.prometheus:
        return None
    metrics = AzureMonitorWorkspace(
        "metrics",
        azure_monitor_workspace_name=scope.name("metrics"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        public_network_access=public_access(scope),
        opts=scope.kept,
    )
    associate(scope, "metrics", _collected(scope, collection, metrics), cluster)
    build_rules(scope, metrics)
    if scope.settings.private.services:
        zone = f"privatelink.{scope.location}.prometheus.monitor.azure.com"
        connect(scope, network, "metrics", to=metrics.id, group="prometheusMetrics", zones=[zone])
    return _grafana(scope, network, metrics) if scope.settings.monitoring.grafana else None


def _collected(scope: Scope, collection: DataCollectionEndpoint, metrics: AzureMonitorWorkspace) -> DataCollectionRule:
    return DataCollectionRule(
        "prometheus",
        data_collection_rule_name=scope.name("prometheus"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        kind="Linux",
        data_collection_endpoint_id=collection.id,
        data_sources=DataCollectionRuleDataSourcesArgs(
            prometheus_forwarder=[PrometheusForwarderDataSourceArgs(name="prometheus", streams=[_STREAM])]
        ),
        destinations=DataCollectionRuleDestinationsArgs(
            monitoring_accounts=[MonitoringAccountDestinationArgs(name="metrics", account_resource_id=metrics.id)]
        ),
        data_flows=[DataFlowArgs(streams=[_STREAM], destinations=["metrics"])],
    )


def _grafana(scope: Scope, network: Network, metrics: AzureMonitorWorkspace) -> Grafana:
    grafana = Grafana(
        # Azure needs a name that nobody else has: Pulumi appends some characters.
        scope.settings.name,
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        sku=ResourceSkuArgs(name="Standard"),
        identity=ManagedServiceIdentityArgs(type="SystemAssigned"),
        properties=ManagedGrafanaPropertiesArgs(
            api_key="Disabled",
            public_network_access=public_access(scope),
            grafana_integrations=GrafanaIntegrationsArgs(
                azure_monitor_workspace_integrations=[
                    AzureMonitorWorkspaceIntegrationArgs(azure_monitor_workspace_resource_id=metrics.id)
                ]
            ),
        ),
    )
    own = grafana.identity.apply(lambda identity: identity.principal_id if identity else "")
    assign(scope, "read-metrics", "Monitoring Data Reader", to=own, on=metrics.id)
    _let_in(scope, grafana)
    if scope.settings.private.services:
        connect(scope, network, "grafana", to=grafana.id, group="grafana", zones=["privatelink.grafana.azure.com"])
        _reach_metrics(scope, grafana, metrics)
    return grafana


def _let_in(scope: Scope, grafana: Grafana) -> None:
    access = scope.settings.access
    for group in access.admin_groups:
        assign(scope, f"admin-{group}-grafana", "Grafana Admin", to=str(group), on=grafana.id, kind="Group")
    for group in {*access.deployer_groups, *access.operator_groups, *access.reader_groups}:
        assign(scope, f"viewer-{group}-grafana", "Grafana Viewer", to=str(group), on=grafana.id, kind="Group")


def _reach_metrics(scope: Scope, grafana: Grafana, metrics: AzureMonitorWorkspace) -> None:
    # Someone has to approve it once, at the workspace for metrics.
    ManagedPrivateEndpoint(
        "grafana-to-metrics",
        managed_private_endpoint_name=scope.name("metrics"),
        workspace_name=grafana.name,
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        private_link_resource_id=metrics.id,
        group_ids=["prometheusMetrics"],
        request_message="Grafana shows these metrics.",
    )
