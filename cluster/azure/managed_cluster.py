"""AKS: the control plane and what is switched on in it."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.containerservice import (
    ContainerServiceNetworkProfileArgs,
    MaintenanceConfiguration,
    MaintenanceWindowArgs,
    ManagedCluster,
    ManagedClusterAADProfileArgs,
    ManagedClusterAddonProfileArgs,
    ManagedClusterAPIServerAccessProfileArgs,
    ManagedClusterAutoUpgradeProfileArgs,
    ManagedClusterAzureMonitorProfileArgs,
    ManagedClusterAzureMonitorProfileMetricsArgs,
    ManagedClusterIdentityArgs,
    ManagedClusterNodeResourceGroupProfileArgs,
    ManagedClusterOIDCIssuerProfileArgs,
    ManagedClusterPropertiesAutoScalerProfileArgs,
    ManagedClusterSecurityProfileArgs,
    ManagedClusterSecurityProfileDefenderArgs,
    ManagedClusterSecurityProfileDefenderSecurityMonitoringArgs,
    ManagedClusterSecurityProfileImageCleanerArgs,
    ManagedClusterSecurityProfileWorkloadIdentityArgs,
    ManagedClusterSKUArgs,
    ResourceIdentityType,
    ScheduleArgs,
    UserAssignedIdentityArgs,
    WeeklyScheduleArgs,
)

from cluster.azure.identity import ClusterIdentities
from cluster.azure.network import Network
from cluster.azure.node_pools import system_pool
from cluster.azure.scope import Scope, node_group_name

IMAGE_CLEANER_HOURS = 48

# Windows of maintenance that AKS knows by name.
_WINDOWS = ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")


def build_cluster(
    scope: Scope, network: Network, identities: ClusterIdentities, logs: pulumi.Input[str]
) -> ManagedCluster:
    """Make the cluster with its system pool.

    Args:
        scope: the stack's.
        network: where nodes are put.
        identities: of control plane and kubelets.
        logs: id of the Log Analytics workspace.
    """
    kubernetes = scope.settings.kubernetes
    cluster = ManagedCluster(
        "cluster",
        resource_name_=scope.settings.name,
        resource_group_name=scope.group,
        node_resource_group=node_group_name(scope.settings),
        node_resource_group_profile=ManagedClusterNodeResourceGroupProfileArgs(restriction_level="ReadOnly"),
        location=scope.location,
        tags=scope.tags,
        sku=ManagedClusterSKUArgs(name="Base", tier=kubernetes.tier),
        kubernetes_version=kubernetes.version,
        dns_prefix=scope.settings.name,
        identity=ManagedClusterIdentityArgs(
            type=ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[identities.control_plane.id]
        ),
        identity_profile={"kubeletidentity": _kubelet(identities)},
        agent_pool_profiles=[system_pool(scope, network)],
        network_profile=_network_profile(scope),
        api_server_access_profile=_api_server(scope, network),
        disable_local_accounts=True,
        enable_rbac=True,
        aad_profile=_entra_id(scope),
        oidc_issuer_profile=ManagedClusterOIDCIssuerProfileArgs(enabled=True),
        security_profile=_security(scope, logs),
        addon_profiles=_addons(scope, logs),
        azure_monitor_profile=ManagedClusterAzureMonitorProfileArgs(
            metrics=ManagedClusterAzureMonitorProfileMetricsArgs(enabled=scope.settings.monitoring.prometheus)
        ),
        auto_scaler_profile=_autoscaler(),
        auto_upgrade_profile=ManagedClusterAutoUpgradeProfileArgs(
            upgrade_channel=kubernetes.upgrade_channel, node_os_upgrade_channel=kubernetes.node_image_channel
        ),
        opts=pulumi.ResourceOptions(
            depends_on=identities.needed,
            # The autoscaler counts the nodes.
            ignore_changes=["agentPoolProfiles[0].count"],
        ),
    )
    for window in _WINDOWS:
        _maintenance(scope, cluster, window)
    return cluster


def _kubelet(identities: ClusterIdentities) -> UserAssignedIdentityArgs:
    identity = identities.kubelet
    return UserAssignedIdentityArgs(
        resource_id=identity.id, client_id=identity.client_id, object_id=identity.principal_id
    )


def _network_profile(scope: Scope) -> ContainerServiceNetworkProfileArgs:
    settings = scope.settings.network
    return ContainerServiceNetworkProfileArgs(
        network_plugin="azure",
        network_plugin_mode="overlay",
        # Cilium enforces NetworkPolicies.
        network_dataplane="cilium",
        network_policy="cilium",
        pod_cidr=str(settings.pods),
        service_cidr=str(settings.services),
        dns_service_ip=str(settings.services[10]),
        load_balancer_sku="standard",
        outbound_type="userAssignedNATGateway",
    )


def _api_server(scope: Scope, network: Network) -> ManagedClusterAPIServerAccessProfileArgs:
    no_command = not scope.settings.kubernetes.run_command
    if scope.settings.private.api_server:
        return ManagedClusterAPIServerAccessProfileArgs(
            enable_private_cluster=True,
            enable_private_cluster_public_fqdn=False,
            private_dns_zone="system",
            disable_run_command=no_command,
        )
    trusted: list[pulumi.Input[str]] = [str(one) for one in scope.settings.network.trusted_ranges]
    if trusted:
        # Nodes reach the API server by the NAT gateway's address.
        trusted.append(pulumi.Output.concat(network.egress, "/32"))
    return ManagedClusterAPIServerAccessProfileArgs(
        enable_private_cluster=False, authorized_ip_ranges=trusted, disable_run_command=no_command
    )


def _entra_id(scope: Scope) -> ManagedClusterAADProfileArgs:
    return ManagedClusterAADProfileArgs(
        managed=True,
        enable_azure_rbac=scope.settings.kubernetes.authorization == "azure",
        tenant_id=scope.tenant,
        admin_group_object_ids=[str(group) for group in scope.settings.access.admin_groups],
    )


def _security(scope: Scope, logs: pulumi.Input[str]) -> ManagedClusterSecurityProfileArgs:
    defender = scope.settings.protection.defender != "off"
    return ManagedClusterSecurityProfileArgs(
        workload_identity=ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
        image_cleaner=ManagedClusterSecurityProfileImageCleanerArgs(enabled=True, interval_hours=IMAGE_CLEANER_HOURS),
        defender=ManagedClusterSecurityProfileDefenderArgs(
            log_analytics_workspace_resource_id=logs if defender else None,
            security_monitoring=ManagedClusterSecurityProfileDefenderSecurityMonitoringArgs(enabled=defender),
        ),
    )


def _addons(scope: Scope, logs: pulumi.Input[str]) -> dict[str, ManagedClusterAddonProfileArgs]:
    return {
        # Container Insights: stdout and stderr of every pod, states of nodes and pods.
        "omsagent": ManagedClusterAddonProfileArgs(
            enabled=True, config={"logAnalyticsWorkspaceResourceID": logs, "useAADAuth": "true"}
        ),
        "azureKeyvaultSecretsProvider": ManagedClusterAddonProfileArgs(
            enabled=True, config={"enableSecretRotation": "true", "rotationPollInterval": "2m"}
        ),
        "azurepolicy": ManagedClusterAddonProfileArgs(enabled=scope.settings.protection.pod_security != "off"),
    }


def _autoscaler() -> ManagedClusterPropertiesAutoScalerProfileArgs:
    return ManagedClusterPropertiesAutoScalerProfileArgs(
        expander="least-waste",
        balance_similar_node_groups="true",
        # Ray's pods have volumes on their node's disk (shared memory, logs): they may go all the same.
        skip_nodes_with_local_storage="false",
        scale_down_delay_after_add="10m",
        scale_down_unneeded_time="10m",
        scale_down_utilization_threshold="0.5",
        # Longer than the drain of a Ray pod.
        max_graceful_termination_sec="1800",
    )


def _maintenance(scope: Scope, cluster: ManagedCluster, window: str) -> None:
    kubernetes = scope.settings.kubernetes
    MaintenanceConfiguration(
        window,
        config_name=window,
        resource_group_name=scope.group,
        resource_name_=cluster.name,
        maintenance_window=MaintenanceWindowArgs(
            schedule=ScheduleArgs(weekly=WeeklyScheduleArgs(day_of_week=kubernetes.maintenance_day, interval_weeks=1)),
            start_time=f"{kubernetes.maintenance_hour:02}:00",
            duration_hours=kubernetes.maintenance_hours,
            utc_offset=kubernetes.utc_offset,
        ),
    )
