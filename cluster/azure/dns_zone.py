"""The service's name, and who may have a certificate issued for it."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.dns import CaaRecordArgs, RecordSet, SubResourceArgs, Zone
from pulumi_azure_native.network import PublicIPAddress
from pulumi_azure_native.privatedns import ARecordArgs, PrivateRecordSet

from cluster.azure.identity import build_pod_identity
from cluster.azure.network import Network
from cluster.azure.private_links import private_zone
from cluster.azure.roles import assign
from cluster.azure.scope import Scope
from cluster.azure.settings import AzureSettings, DomainSettings

# Where cert-manager's own chart puts it.
CERT_MANAGER = "cert-manager"

# Short: a new address is known soon.
_SECONDS = 300


def internal_address(settings: AzureSettings) -> str:
    """Return the address of an internal load balancer: one of the last in the nodes' subnet, which fills from below."""
    return str(settings.network.nodes[-6])


def build_dns(scope: Scope, network: Network, issuer: pulumi.Input[str]) -> dict[str, pulumi.Output[object]]:
    """Make the zone and the service's record, and let cert-manager prove that the name is ours.

    Args:
        scope: the stack's.
        network: with the ingress's address; its own zone where that is internal.
        issuer: of the cluster's tokens, for cert-manager's identity.

    Returns:
        What the gateway and the parent's administrators need to know.
    """
    domain = scope.settings.domain
    if domain is None:
        return {}
    if network.ingress is None:
        _internal_record(scope, network, domain)
        return {}
    zone = _public_zone(scope, domain, network.ingress)
    identity = build_pod_identity(
        scope, "certificates", issuer=issuer, namespace=CERT_MANAGER, service_account=CERT_MANAGER
    )
    assign(scope, "prove-domain", "DNS Zone Contributor", to=identity.principal_id, on=zone.id)
    return {"nameServers": zone.name_servers.apply(list), "certManagerClientId": identity.client_id.apply(str)}


def _public_zone(scope: Scope, domain: DomainSettings, ingress: PublicIPAddress) -> Zone:
    zone = Zone(
        "domain",
        zone_name=domain.zone,
        resource_group_name=scope.group,
        location="global",
        tags=scope.tags,
        opts=scope.kept,
    )
    RecordSet(
        "service-record",
        zone_name=zone.name,
        resource_group_name=scope.group,
        relative_record_set_name=domain.host,
        record_type="A",
        ttl=_SECONDS,
        target_resource=SubResourceArgs(id=ingress.id),
    )
    RecordSet(
        "issuer-record",
        zone_name=zone.name,
        resource_group_name=scope.group,
        relative_record_set_name="@",
        record_type="CAA",
        ttl=_SECONDS,
        caa_records=[CaaRecordArgs(flags=0, tag="issue", value=domain.issuer)],
    )
    return zone


def _internal_record(scope: Scope, network: Network, domain: DomainSettings) -> None:
    PrivateRecordSet(
        "service-record",
        private_zone_name=private_zone(scope, network, domain.zone).name,
        resource_group_name=scope.group,
        relative_record_set_name=domain.host,
        record_type="A",
        ttl=_SECONDS,
        a_records=[ARecordArgs(ipv4_address=internal_address(scope.settings))],
    )
