"""The product's rules for Prometheus, in Azure's form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi_azure_native.alertsmanagement import (
    PrometheusRuleArgs,
    PrometheusRuleGroup,
    PrometheusRuleGroupActionArgs,
    PrometheusRuleResolveConfigurationArgs,
)
from pulumi_azure_native.monitor import ActionGroup, AzureMonitorWorkspace, MicrosoftCommonEmailReceiverArgs

from cluster.azure.scope import Scope
from deployments.errors import StartupError

RULES_FILE = Path(__file__).parents[2] / "observability/prometheus/scoring.rules.yaml"

# Azure's numbers for what the rules call severity.
_SEVERITIES = {"critical": 1, "warning": 2, "info": 3}

# Azure evaluates once a minute at the most.
_INTERVAL = "PT1M"

_DURATION = re.compile(r"(?P<number>\d+)(?P<unit>[smh])")


def build_rules(scope: Scope, metrics: AzureMonitorWorkspace, file: Path = RULES_FILE) -> None:
    """Make a rule group of each of the file's, whose alerts go to the settings' addresses.

    Raises:
        StartupError: the file is not there, as in an installation without the repository.
    """
    actions = _actions(scope)
    for group in _groups(file):
        name = group["name"].replace(".", "-")
        PrometheusRuleGroup(
            f"rules-{name}",
            rule_group_name=scope.name(name),
            resource_group_name=scope.group,
            location=scope.location,
            tags=scope.tags,
            enabled=True,
            interval=_INTERVAL,
            cluster_name=scope.settings.name,
            scopes=[metrics.id],
            rules=[_rule(rule, actions) for rule in group["rules"]],
        )


def iso_duration(given: str) -> str:
    """Return Prometheus' way of writing a duration in ISO 8601's: `5m` is `PT5M`.

    Raises:
        ValueError: it is no single number of seconds, minutes or hours.
    """
    match = _DURATION.fullmatch(given)
    if match is None:
        raise ValueError(f"not a duration: {given!r}")
    return f"PT{match['number']}{match['unit'].upper()}"


def _groups(file: Path) -> list[dict[str, Any]]:
    try:
        groups: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    except FileNotFoundError:
        raise StartupError(f"The rules {file} are missing: run the program from a checkout of the project.") from None
    return groups


def _rule(rule: Mapping[str, Any], actions: list[PrometheusRuleGroupActionArgs]) -> PrometheusRuleArgs:
    if "record" in rule:
        return PrometheusRuleArgs(record=rule["record"], expression=rule["expr"], enabled=True)
    return PrometheusRuleArgs(
        alert=rule["alert"],
        expression=rule["expr"],
        for_=iso_duration(rule.get("for", "0s")),
        severity=_SEVERITIES[rule["labels"]["severity"]],
        labels=rule["labels"],
        annotations=rule["annotations"],
        enabled=True,
        resolve_configuration=PrometheusRuleResolveConfigurationArgs(auto_resolved=True, time_to_resolve="PT10M"),
        actions=actions,
    )


def _actions(scope: Scope) -> list[PrometheusRuleGroupActionArgs]:
    emails = scope.settings.monitoring.alert_emails
    if not emails:
        return []
    receivers = [
        MicrosoftCommonEmailReceiverArgs(name=f"mail-{n}", email_address=email, use_common_alert_schema=True)
        for n, email in enumerate(emails)
    ]
    group = ActionGroup(
        "alerts",
        action_group_name=scope.name("alerts"),
        group_short_name="scoring",
        resource_group_name=scope.group,
        location="global",
        tags=scope.tags,
        enabled=True,
        email_receivers=receivers,
    )
    return [PrometheusRuleGroupActionArgs(action_group_id=group.id)]
