from azure_stack import configured


def test_the_name_leads_to_the_ingress_and_only_one_authority_may_certify_it(stack):
    it = stack(configured("production", domain={"zone": "scoring.example.com", "host": "api"}))
    record = it.one("dns:RecordSet", "service-record")
    assert record["relativeRecordSetName"] == "api"
    assert record["targetResource"]["id"] == "/network:PublicIPAddress/ingress-address"
    issuer = it.one("dns:RecordSet", "issuer-record")
    assert issuer["caaRecords"] == [{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}]
    assert it.outputs["nameServers"] == ["ns1.example."]


def test_cert_manager_may_change_this_zone_alone(stack):
    it = stack(configured("production", domain={"zone": "scoring.example.com"}))
    federation = it.one("managedidentity:FederatedIdentityCredential", "certificates-federation")
    assert federation["subject"] == "system:serviceaccount:cert-manager:cert-manager"
    assert it.one("authorization:RoleAssignment", "may-prove-domain")["scope"] == "/dns:Zone/domain"
    assert it.outputs["certManagerClientId"] == "a-client"


def test_without_a_domain(stack):
    it = stack(configured("production"))
    assert not it.has("dns:Zone")
    assert "nameServers" not in it.outputs
