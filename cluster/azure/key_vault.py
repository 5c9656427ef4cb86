"""Key Vault: keys, tokens' signing key, certificates; pods read them through the CSI driver."""

from __future__ import annotations

from pulumi_azure_native.keyvault import (
    IPRuleArgs,
    NetworkRuleSetArgs,
    SkuArgs,
    SkuName,
    Vault,
    VaultPropertiesArgs,
    VirtualNetworkRuleArgs,
)

from cluster.azure.network import Network
from cluster.azure.private_links import connect
from cluster.azure.scope import Scope


def build_key_vault(scope: Scope, network: Network) -> Vault:
    """Access by roles alone; open to the nodes, and to the trusted ranges where it is not private."""
    vault = Vault(
        # Azure needs a name that nobody else has: Pulumi appends some characters.
        scope.settings.name,
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        properties=VaultPropertiesArgs(
            tenant_id=scope.tenant,
            sku=SkuArgs(family="A", name=SkuName.STANDARD),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            soft_delete_retention_in_days=scope.settings.protection.vault_retention_days,
            enable_purge_protection=True,
            enabled_for_deployment=False,
            enabled_for_disk_encryption=False,
            enabled_for_template_deployment=False,
            public_network_access="Disabled" if scope.settings.private.services else "Enabled",
            network_acls=_network_rules(scope, network),
        ),
        opts=scope.kept,
    )
    if scope.settings.private.services:
        connect(scope, network, "vault", to=vault.id, group="vault", zones=["privatelink.vaultcore.azure.net"])
    return vault


def _network_rules(scope: Scope, network: Network) -> NetworkRuleSetArgs:
    private = scope.settings.private.services
    return NetworkRuleSetArgs(
        bypass="None",
        default_action="Deny",
        ip_rules=[] if private else [IPRuleArgs(value=str(one)) for one in scope.settings.network.trusted_ranges],
        virtual_network_rules=[] if private else [VirtualNetworkRuleArgs(id=network.nodes)],
    )
