"""The virtual network: two subnets, one address out, one address in."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.network import (
    AddressSpaceArgs,
    DdosSettingsArgs,
    NatGateway,
    NatGatewaySkuArgs,
    NetworkSecurityGroup,
    NetworkSecurityGroupArgs,
    PublicIPAddress,
    PublicIPAddressSkuArgs,
    SecurityRuleArgs,
    ServiceEndpointPropertiesFormatArgs,
    Subnet,
    SubResourceArgs,
    VirtualNetwork,
)

from cluster.azure.scope import Scope


@dataclass(frozen=True)
class Network:
    """What others need of it."""

    id: pulumi.Output[str]
    nodes: pulumi.Output[str]
    endpoints: pulumi.Output[str]
    egress: pulumi.Output[str]
    ingress: PublicIPAddress | None


def build_network(scope: Scope, ddos_plan: pulumi.Input[str] | None) -> Network:
    """Nodes have private addresses; they reach the internet by a NAT gateway's fixed address."""
    network = _virtual_network(scope, ddos_plan)
    egress = _public_address(scope, "egress", protected=False)
    ingress = None if scope.settings.private.ingress else _public_address(scope, "ingress", protected=True)
    nodes = _node_subnet(scope, network, egress)
    endpoints = _endpoint_subnet(scope, network, after=nodes)
    return Network(network.id, nodes.id, endpoints.id, _address(egress), ingress)


def _virtual_network(scope: Scope, plan: pulumi.Input[str] | None) -> VirtualNetwork:
    return VirtualNetwork(
        "network",
        virtual_network_name=scope.name("network"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        address_space=AddressSpaceArgs(address_prefixes=[str(scope.settings.network.address_space)]),
        enable_ddos_protection=plan is not None,
        ddos_protection_plan=None if plan is None else SubResourceArgs(id=plan),
        # Subnets are resources of their own; what the network says of them is not another change.
        opts=pulumi.ResourceOptions(ignore_changes=["subnets"]),
    )


def _public_address(scope: Scope, purpose: str, *, protected: bool) -> PublicIPAddress:
    settings = scope.settings
    by_address = protected and settings.protection.ddos == "ip"
    return PublicIPAddress(
        f"{purpose}-address",
        public_ip_address_name=scope.name(purpose),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        sku=PublicIPAddressSkuArgs(name="Standard"),
        public_ip_allocation_method="Static",
        # A NAT gateway stands in one zone or in none that is named, and so does its address.
        zones=settings.pools.cpu.zones if protected else [],
        ddos_settings=DdosSettingsArgs(protection_mode="Enabled" if by_address else "VirtualNetworkInherited"),
    )


def _address(of: PublicIPAddress) -> pulumi.Output[str]:
    return of.ip_address.apply(lambda address: address or "")


def _node_subnet(scope: Scope, network: VirtualNetwork, egress: PublicIPAddress) -> Subnet:
    gateway = NatGateway(
        "nat-gateway",
        nat_gateway_name=scope.name("nat"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        sku=NatGatewaySkuArgs(name="Standard"),
        public_ip_addresses=[SubResourceArgs(id=egress.id)],
        idle_timeout_in_minutes=10,
    )
    rules = [] if scope.settings.private.ingress else [_ingress_rule(scope)]
    return Subnet(
        "nodes-subnet",
        subnet_name="nodes",
        resource_group_name=scope.group,
        virtual_network_name=network.name,
        address_prefix=str(scope.settings.network.nodes),
        nat_gateway=SubResourceArgs(id=gateway.id),
        network_security_group=NetworkSecurityGroupArgs(id=_security_group(scope, "nodes", rules).id),
        default_outbound_access=False,
        # The vault knows the nodes by it, where there is no private endpoint.
        service_endpoints=[ServiceEndpointPropertiesFormatArgs(service="Microsoft.KeyVault")],
    )


def _endpoint_subnet(scope: Scope, network: VirtualNetwork, *, after: Subnet) -> Subnet:
    return Subnet(
        "endpoints-subnet",
        subnet_name="endpoints",
        resource_group_name=scope.group,
        virtual_network_name=network.name,
        address_prefix=str(scope.settings.network.endpoints),
        network_security_group=NetworkSecurityGroupArgs(id=_security_group(scope, "endpoints", []).id),
        default_outbound_access=False,
        # Azure changes a network's subnets one at a time.
        opts=pulumi.ResourceOptions(depends_on=[after]),
    )


def _security_group(scope: Scope, subnet: str, rules: list[SecurityRuleArgs]) -> NetworkSecurityGroup:
    return NetworkSecurityGroup(
        f"{subnet}-security",
        network_security_group_name=scope.name(subnet),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        security_rules=rules,
    )


def _ingress_rule(scope: Scope) -> SecurityRuleArgs:
    ranges = [str(one) for one in scope.settings.network.ingress_ranges]
    return SecurityRuleArgs(
        name="web",
        description="HTTPS to the gateway; HTTP, which it redirects.",
        priority=100,
        direction="Inbound",
        access="Allow",
        protocol="Tcp",
        source_address_prefixes=ranges or None,
        source_address_prefix=None if ranges else "Internet",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_ranges=["80", "443"],
    )
