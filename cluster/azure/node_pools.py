"""Nodes: arguments that pools inside the cluster and pools of their own share."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native.containerservice import (
    AgentPool,
    AgentPoolSecurityProfileArgs,
    AgentPoolUpgradeSettingsArgs,
    GPUProfileArgs,
    ManagedCluster,
    ManagedClusterAgentPoolProfileArgs,
)

from cluster.azure.network import Network
from cluster.azure.node_pool_settings import NodePool
from cluster.azure.scope import Scope

# Workers choose their nodes by it: `node_selector` in the cluster's settings.
POOL_LABEL = "ray-scoring/pool"

# Kubernetes' own add-ons tolerate it, nothing else does.
SYSTEM_TAINT = "CriticalAddonsOnly=true:NoSchedule"

# NVIDIA's device plugin and GPU operator tolerate this key by themselves.
GPU_TAINT = "nvidia.com/gpu=present:NoSchedule"


def system_pool(scope: Scope, network: Network) -> ManagedClusterAgentPoolProfileArgs:
    """Return the pool that the cluster is made with."""
    arguments = _shared(scope, network, scope.settings.pools.system, "system")
    return ManagedClusterAgentPoolProfileArgs(
        name="system",
        mode="System",
        count=scope.settings.pools.system.min_nodes,
        node_taints=[SYSTEM_TAINT],
        security_profile=_security(trusted_launch=True),
        **arguments,
    )


def build_node_pools(scope: Scope, network: Network, cluster: ManagedCluster) -> None:
    """Add the pool for classic models, and the one for deep learning."""
    pools = scope.settings.pools
    _pool(scope, network, cluster, "cpu", pools.cpu, security_profile=_security(trusted_launch=True))
    if pools.gpu is not None:
        _pool(
            scope,
            network,
            cluster,
            "gpu",
            pools.gpu,
            node_taints=[GPU_TAINT],
            gpu_profile=GPUProfileArgs(driver="Install"),
            # Secure Boot would refuse the driver.
            security_profile=_security(trusted_launch=False),
        )


def _pool(
    scope: Scope, network: Network, cluster: ManagedCluster, name: str, settings: NodePool, **arguments: Any
) -> AgentPool:
    spot: dict[str, Any] = {"scale_set_priority": "Spot", "scale_set_eviction_policy": "Delete", "spot_max_price": -1.0}
    return AgentPool(
        f"{name}-pool",
        agent_pool_name=name,
        resource_group_name=scope.group,
        resource_name_=cluster.name,
        mode="User",
        count=settings.min_nodes,
        **_shared(scope, network, settings, name),
        **(spot if settings.spot else {}),
        **arguments,
        # From now on, the autoscaler counts.
        opts=pulumi.ResourceOptions(ignore_changes=["count"]),
    )


def _shared(scope: Scope, network: Network, settings: NodePool, name: str) -> dict[str, Any]:
    return {
        "type": "VirtualMachineScaleSets",
        "vm_size": settings.vm_size,
        "enable_auto_scaling": True,
        "min_count": settings.min_nodes,
        "max_count": settings.max_nodes,
        "availability_zones": list(settings.zones),
        "os_type": "Linux",
        "os_sku": "Ubuntu",
        "os_disk_type": settings.disk,
        "os_disk_size_gb": settings.disk_gb,
        "enable_encryption_at_host": settings.encrypted,
        "enable_node_public_ip": False,
        "vnet_subnet_id": network.nodes,
        "node_labels": {POOL_LABEL: name},
        "tags": scope.tags,
        **({} if settings.spot else {"upgrade_settings": _upgrades()}),
    }


def _upgrades() -> AgentPoolUpgradeSettingsArgs:
    # Longer than the drain of a Ray pod; new nodes come first.
    return AgentPoolUpgradeSettingsArgs(max_surge="33%", drain_timeout_in_minutes=30, node_soak_duration_in_minutes=2)


def _security(*, trusted_launch: bool) -> AgentPoolSecurityProfileArgs:
    return AgentPoolSecurityProfileArgs(
        ssh_access="Disabled", enable_secure_boot=trusted_launch, enable_vtpm=trusted_launch
    )
