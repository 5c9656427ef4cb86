import pytest
from azure_stack import ADMINS, configured

CLUSTER = "containerservice:ManagedCluster"


@pytest.mark.parametrize("preset", ["dev-test", "production"])
def test_nobody_gets_in_without_entra_id(stack, preset):
    cluster = stack(configured(preset)).one(CLUSTER)
    assert cluster["disableLocalAccounts"] is True
    assert cluster["enableRBAC"] is True
    assert cluster["aadProfile"]["managed"] is True
    assert cluster["aadProfile"]["adminGroupObjectIDs"] == [ADMINS]
    assert cluster["apiServerAccessProfile"]["disableRunCommand"] is True
    assert cluster["agentPoolProfiles"][0]["securityProfile"]["sshAccess"] == "Disabled"


def test_pods_have_an_identity_and_network_policies_hold(stack):
    it = stack(configured("dev-test", workload={"namespace": "models", "service_account": "reader"}))
    cluster = it.one(CLUSTER)
    assert cluster["oidcIssuerProfile"]["enabled"] is True
    assert cluster["securityProfile"]["workloadIdentity"]["enabled"] is True
    assert cluster["networkProfile"]["networkPolicy"] == "cilium"
    federation = it.one("managedidentity:FederatedIdentityCredential")
    assert federation["subject"] == "system:serviceaccount:models:reader"
    assert federation["issuer"] == "https://issuer/"


def test_it_keeps_itself_current_within_its_window(stack):
    it = stack(configured("production", kubernetes={"maintenance_day": "Saturday", "maintenance_hour": 3}))
    cluster = it.one(CLUSTER)
    assert cluster["autoUpgradeProfile"] == {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"}
    assert cluster["securityProfile"]["imageCleaner"]["enabled"] is True
    windows = it.all("containerservice:MaintenanceConfiguration")
    assert {one.inputs["configName"] for one in windows} == {
        "aksManagedAutoUpgradeSchedule",
        "aksManagedNodeOSUpgradeSchedule",
    }
    for window in (one.inputs["maintenanceWindow"] for one in windows):
        assert window["startTime"] == "03:00"
        assert window["schedule"]["weekly"]["dayOfWeek"] == "Saturday"


def test_the_api_server_knows_the_trusted_and_the_nodes(stack):
    access = stack(configured("production")).one(CLUSTER)["apiServerAccessProfile"]
    assert access["authorizedIPRanges"] == ["203.0.113.0/24", "198.51.100.7/32"]


def test_logs_of_pods_and_secrets_from_the_vault(stack):
    addons = stack(configured("dev-test")).one(CLUSTER)["addonProfiles"]
    assert addons["omsagent"]["enabled"] is True
    assert addons["omsagent"]["config"]["useAADAuth"] == "true"
    assert addons["azureKeyvaultSecretsProvider"]["config"]["enableSecretRotation"] == "true"


def test_defender_has_its_sensor_and_its_plan_by_setting(stack):
    def defender(choice):
        it = stack(configured("dev-test", protection={"defender": choice}))
        monitoring = it.one(CLUSTER)["securityProfile"]["defender"]["securityMonitoring"]["enabled"]
        return monitoring, it.has("security:Pricing")

    assert [defender(choice) for choice in ("off", "sensor", "plan")] == [(False, False), (True, False), (True, True)]
