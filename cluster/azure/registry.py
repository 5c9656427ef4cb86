"""Azure Container Registry."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.containerregistry import (
    ExportPolicyArgs,
    IPRuleArgs,
    NetworkRuleSetArgs,
    PoliciesArgs,
    Registry,
    RetentionPolicyArgs,
    SkuArgs,
)

from cluster.azure.network import Network
from cluster.azure.private_links import connect
from cluster.azure.scope import Scope


def build_registry(scope: Scope, network: Network) -> Registry:
    """No admin account, no anonymous pull; closed as far as the SKU and the settings allow."""
    settings = scope.settings
    premium, private = settings.registry.sku == "Premium", settings.private.services
    registry = Registry(
        # Azure needs a name that nobody else has: Pulumi appends some characters.
        settings.name,
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        sku=SkuArgs(name=settings.registry.sku),
        admin_user_enabled=False,
        anonymous_pull_enabled=False,
        public_network_access="Disabled" if private else "Enabled",
        network_rule_bypass_options="AzureServices",
        network_rule_set=_network_rules(scope, network) if premium else None,
        zone_redundancy="Enabled" if premium and settings.pools.system.zones else "Disabled",
        policies=_policies(scope) if premium else None,
        opts=scope.kept,
    )
    if private:
        connect(scope, network, "registry", to=registry.id, group="registry", zones=["privatelink.azurecr.io"])
    return registry


def _network_rules(scope: Scope, network: Network) -> NetworkRuleSetArgs:
    trusted: list[pulumi.Input[str]] = [str(one) for one in scope.settings.network.trusted_ranges]
    if not trusted and not scope.settings.private.services:
        return NetworkRuleSetArgs(default_action="Allow")
    sources = [] if scope.settings.private.services else [*trusted, network.egress]
    return NetworkRuleSetArgs(
        default_action="Deny",
        ip_rules=[IPRuleArgs(action="Allow", i_p_address_or_range=source) for source in sources],
    )


def _policies(scope: Scope) -> PoliciesArgs:
    return PoliciesArgs(
        retention_policy=RetentionPolicyArgs(status="enabled", days=scope.settings.registry.untagged_days),
        # May be switched off only where the registry is closed.
        export_policy=ExportPolicyArgs(status="disabled" if scope.settings.private.services else "enabled"),
    )
