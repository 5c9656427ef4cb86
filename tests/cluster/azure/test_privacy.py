"""What can be reached from the internet."""

import pytest
from azure_stack import configured

PRIVATE = {"api_server": True, "services": True, "ingress": True}
CLOSED = configured("production", private=PRIVATE, protection={"ddos": "none"}, domain={"zone": "scoring.example.com"})


@pytest.fixture
def closed(stack):
    return stack(CLOSED)


def leaves(value, path=()):
    """Every value in a resource's inputs, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def test_nothing_is_public_that_the_settings_close(closed):
    said = [(one.type, path[-1], value) for one in closed.declared for path, value in leaves(one.inputs) if path]
    public = [it for it in said if "publicnetworkaccess" in it[1].lower()]
    assert len(public) == 7  # registry, vault, twice the logs, metrics, collection, Grafana
    assert {value for _, _, value in public} == {"Disabled"}
    assert [
        it for it in said if it[1] in {"accessMode", "ingestionAccessMode", "queryAccessMode"} and it[2] == "Open"
    ] == []
    assert [it for it in said if it[1] == "sourceAddressPrefix" and it[2] in {"*", "Internet"}] == []
    # What is left: the address from which nodes reach the internet.
    assert [one.label for one in closed.all("network:PublicIPAddress")] == ["egress-address"]
    assert not closed.has("dns:Zone")


def test_the_api_server_is_private(closed):
    access = closed.one("containerservice:ManagedCluster")["apiServerAccessProfile"]
    assert access["enablePrivateCluster"] is True
    assert access["enablePrivateClusterPublicFQDN"] is False
    assert "authorizedIPRanges" not in access


def test_every_closed_service_has_its_endpoint_and_its_name(closed):
    endpoints = {one.label: one.inputs for one in closed.all("network:PrivateEndpoint")}
    targets = {
        connection["privateLinkServiceId"]
        for one in endpoints.values()
        for connection in one["privateLinkServiceConnections"]
    }
    assert targets == {
        "/containerregistry:Registry/scoring",
        "/keyvault:Vault/scoring",
        "/monitor:PrivateLinkScope/monitor",
        "/monitor:AzureMonitorWorkspace/metrics",
        "/dashboard:Grafana/scoring",
    }
    assert {one["subnet"]["id"] for one in endpoints.values()} == {"/network:Subnet/endpoints-subnet"}
    named = {
        config["privateDnsZoneId"]
        for one in closed.all("network:PrivateDnsZoneGroup")
        for config in one.inputs["privateDnsZoneConfigs"]
    }
    linked = {one.inputs["privateZoneName"] for one in closed.all("privatedns:VirtualNetworkLink")}
    assert len(named) == 9
    assert {one.id for one in closed.all("privatedns:PrivateZone")} - named == {
        "/privatedns:PrivateZone/zone-scoring.example.com"
    }
    assert linked == {f"{one.label}-name" for one in closed.all("privatedns:PrivateZone")}


def test_an_internal_ingress_has_a_fixed_address_in_the_nodes_subnet(closed):
    assert closed.outputs["ingressAddress"] == "10.64.15.250"
    assert closed.outputs["ingressAnnotations"]["azure-load-balancer-internal"] == "true"
    record = closed.one("privatedns:PrivateRecordSet")
    assert record["aRecords"] == [{"ipv4Address": "10.64.15.250"}]
    assert closed.one("network:NetworkSecurityGroup", "nodes-security")["securityRules"] == []


@pytest.mark.parametrize("preset", ["dev-test", "production"])
def test_open_services_still_take_nobody_unknown(stack, preset):
    it = stack(configured(preset))
    vault = it.one("keyvault:Vault")["properties"]
    assert vault["networkAcls"]["defaultAction"] == "Deny"
    assert vault["networkAcls"]["virtualNetworkRules"] == [{"id": "/network:Subnet/nodes-subnet"}]
    assert (vault["enableRbacAuthorization"], vault["enableSoftDelete"], vault["enablePurgeProtection"]) == (True,) * 3
    registry = it.one("containerregistry:Registry")
    assert (registry["adminUserEnabled"], registry["anonymousPullEnabled"]) == (False, False)
    assert it.one("operationalinsights:Workspace")["features"]["disableLocalAuth"] is True


def test_the_registry_takes_the_trusted_and_the_nodes(stack):
    rules = stack(configured("production")).one("containerregistry:Registry")["networkRuleSet"]
    assert rules["defaultAction"] == "Deny"
    assert [rule["iPAddressOrRange"] for rule in rules["ipRules"]] == ["203.0.113.0/24", "198.51.100.7"]


def test_only_web_ports_are_open_and_only_to_whom_the_settings_name(stack):
    network = {"trusted_ranges": ["203.0.113.0/24"], "ingress_ranges": ["192.0.2.0/24"]}
    it = stack({**configured("production"), "network": network})
    (rule,) = it.one("network:NetworkSecurityGroup", "nodes-security")["securityRules"]
    assert rule["destinationPortRanges"] == ["80", "443"]
    assert rule["sourceAddressPrefixes"] == ["192.0.2.0/24"]
    assert "sourceAddressPrefix" not in rule
    for subnet in it.all("network:Subnet"):
        assert subnet.inputs["defaultOutboundAccess"] is False
