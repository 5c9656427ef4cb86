"""Logs, metrics, alerts, budget."""

import pytest
import yaml
from azure_stack import configured

from cluster.azure.alert_rules import RULES_FILE, build_rules, iso_duration
from deployments.errors import StartupError


def test_every_pods_output_is_collected(stack):
    it = stack(configured("dev-test"))
    rule = it.one("monitor:DataCollectionRule", "container-logs")
    (source,) = rule["dataSources"]["extensions"]
    collected = source["extensionSettings"]["dataCollectionSettings"]
    assert collected == {"interval": "1m", "namespaceFilteringMode": "Off", "enableContainerLogV2": True}
    associations = {
        one.inputs["associationName"]: one.inputs for one in it.all("monitor:DataCollectionRuleAssociation")
    }
    assert associations["scoring-logs-of-cluster"]["dataCollectionRuleId"] == (
        "/monitor:DataCollectionRule/container-logs"
    )
    assert associations["configurationAccessEndpoint"]["dataCollectionEndpointId"]
    assert {one["resourceUri"] for one in associations.values()} == {"/containerservice:ManagedCluster/cluster"}


@pytest.mark.parametrize(("preset", "audited"), [("dev-test", False), ("production", True)])
def test_the_control_planes_own_logs(stack, preset, audited):
    logs = stack(configured(preset)).one("monitor:DiagnosticSetting", "cluster-logs")["logs"]
    categories = {log["category"] for log in logs}
    assert {"guard", "cluster-autoscaler"} <= categories
    assert ("kube-audit-admin" in categories) is audited


def test_the_products_rules_are_azures(stack):
    it = stack(configured("production", monitoring={"alert_emails": ["on-call@example.com"]}))
    given = yaml.safe_load(RULES_FILE.read_text())["groups"]
    made = {one.inputs["ruleGroupName"]: one.inputs["rules"] for one in it.all("alertsmanagement:PrometheusRuleGroup")}
    assert {name.removeprefix("scoring-"): len(rules) for name, rules in made.items()} == {
        group["name"].replace(".", "-"): len(group["rules"]) for group in given
    }
    errors = next(rule for rules in made.values() for rule in rules if rule.get("alert") == "ScoringErrors")
    assert (errors["for"], errors["severity"]) == ("PT5M", 1)
    assert errors["actions"] == [{"actionGroupId": "/monitor:ActionGroup/alerts"}]
    assert it.one("monitor:ActionGroup")["emailReceivers"][0]["emailAddress"] == "on-call@example.com"


def test_without_the_repository_the_rules_are_asked_for(tmp_path):
    from cluster.azure.scope import Scope
    from cluster.azure.settings import from_config

    scope = Scope(from_config(configured("dev-test")), *[None] * 4)
    with pytest.raises(StartupError, match="checkout"):
        build_rules(scope, None, tmp_path / "missing.yaml")


@pytest.mark.parametrize(("given", "expected"), [("5m", "PT5M"), ("30s", "PT30S"), ("2h", "PT2H")])
def test_durations(given, expected):
    assert iso_duration(given) == expected


@pytest.mark.parametrize("given", ["", "5", "m", "1h30m", "-1m"])
def test_what_is_no_duration(given):
    with pytest.raises(ValueError, match="not a duration"):
        iso_duration(given)


def test_metrics_without_grafana_and_without_either(stack):
    no_grafana = stack(configured("production", monitoring={"grafana": False}))
    assert no_grafana.has("monitor:AzureMonitorWorkspace")
    assert "grafana" not in no_grafana.outputs
    neither = stack(configured("production", monitoring={"prometheus": False, "grafana": False}))
    assert not neither.has("monitor:AzureMonitorWorkspace")
    cluster = neither.one("containerservice:ManagedCluster")
    assert cluster["azureMonitorProfile"]["metrics"]["enabled"] is False


def test_grafana_reads_metrics_and_has_no_keys(stack):
    it = stack(configured("production"))
    assert it.one("dashboard:Grafana")["properties"]["apiKey"] == "Disabled"
    reader = it.one("authorization:RoleAssignment", "may-read-metrics")
    assert reader["principalId"] == "grafana-principal"
    assert reader["scope"] == "/monitor:AzureMonitorWorkspace/metrics"


def test_the_budget_counts_the_nodes(stack):
    budget = {"monthly_amount": 500, "emails": ["team@example.com"], "start": "2027-01-01"}
    made = stack(configured("dev-test", budget=budget)).one("consumption:Budget")
    assert made["filter"]["dimensions"]["values"] == ["scoring-name", "scoring-nodes"]
    assert made["timePeriod"]["startDate"] == "2027-01-01T00:00:00Z"
    warnings = {(one["threshold"], one["thresholdType"]) for one in made["notifications"].values()}
    assert warnings == {(80, "Actual"), (100, "Actual"), (100, "Forecasted")}
