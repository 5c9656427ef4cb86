"""Private endpoints: services of Azure with an address in the virtual network."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_azure_native.network import (
    PrivateDnsZoneConfigArgs,
    PrivateDnsZoneGroup,
    PrivateEndpoint,
    PrivateLinkServiceConnectionArgs,
    SubnetArgs,
)
from pulumi_azure_native.privatedns import PrivateZone, SubResourceArgs, VirtualNetworkLink

from cluster.azure.network import Network
from cluster.azure.scope import Scope


def connect(
    scope: Scope, network: Network, label: str, *, to: pulumi.Input[str], group: str, zones: Sequence[str]
) -> None:
    """Give a service an address in the network, and its name that address there.

    Args:
        scope: the stack's.
        network: where the address is taken from.
        label: names the endpoint.
        to: id of the service.
        group: which part of the service, as Azure calls it.
        zones: private DNS zones that answer for the service's public name.
    """
    endpoint = PrivateEndpoint(
        f"{label}-endpoint",
        private_endpoint_name=scope.name(f"{label}-endpoint"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
        subnet=SubnetArgs(id=network.endpoints),
        private_link_service_connections=[
            PrivateLinkServiceConnectionArgs(name=label, private_link_service_id=to, group_ids=[group])
        ],
    )
    zone_ids = {zone: private_zone(scope, network, zone).id for zone in zones}
    PrivateDnsZoneGroup(
        f"{label}-names",
        private_dns_zone_group_name="default",
        private_endpoint_name=endpoint.name,
        resource_group_name=scope.group,
        private_dns_zone_configs=[
            PrivateDnsZoneConfigArgs(name=zone.replace(".", "-"), private_dns_zone_id=zone_id)
            for zone, zone_id in zone_ids.items()
        ],
    )


def private_zone(scope: Scope, network: Network, name: str) -> PrivateZone:
    """Make a DNS zone that only the network sees."""
    zone = PrivateZone(
        f"zone-{name}", private_zone_name=name, resource_group_name=scope.group, location="global", tags=scope.tags
    )
    VirtualNetworkLink(
        f"link-{name}",
        virtual_network_link_name=scope.name("link"),
        private_zone_name=zone.name,
        resource_group_name=scope.group,
        location="global",
        tags=scope.tags,
        virtual_network=SubResourceArgs(id=network.id),
        registration_enabled=False,
    )
    return zone
