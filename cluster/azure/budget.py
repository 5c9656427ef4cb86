"""A budget that warns; it counts the nodes, which AKS keeps in a resource group of their own."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.consumption import (
    Budget,
    BudgetComparisonExpressionArgs,
    BudgetFilterArgs,
    BudgetTimePeriodArgs,
    NotificationArgs,
)

from cluster.azure.scope import Scope, node_group_name
from cluster.azure.settings import BudgetSettings

# Percent of the amount, and whether it is spent or forecast.
_WARNINGS = {"spent-80": (80, "Actual"), "spent-100": (100, "Actual"), "forecast-100": (100, "Forecasted")}


def build_budget(scope: Scope) -> None:
    """Make it where the settings ask for it."""
    budget = scope.settings.budget
    if budget is None:
        return
    groups: list[pulumi.Input[str]] = [scope.group, node_group_name(scope.settings)]
    Budget(
        "budget",
        budget_name=scope.name("monthly"),
        scope=pulumi.Output.concat("/subscriptions/", scope.subscription),
        category="Cost",
        amount=budget.monthly_amount,
        time_grain="Monthly",
        time_period=BudgetTimePeriodArgs(start_date=f"{budget.start.isoformat()}T00:00:00Z"),
        filter=BudgetFilterArgs(
            dimensions=BudgetComparisonExpressionArgs(name="ResourceGroupName", operator="In", values=groups)
        ),
        notifications={label: _notification(budget, *warning) for label, warning in _WARNINGS.items()},
    )


def _notification(budget: BudgetSettings, percent: int, kind: str) -> NotificationArgs:
    return NotificationArgs(
        enabled=True,
        operator="GreaterThanOrEqualTo",
        threshold=percent,
        threshold_type=kind,
        contact_emails=budget.emails,
    )
