"""Defence: DDoS protection, Defender for Containers, policies for pods."""

from __future__ import annotations

import pulumi
from pulumi_azure_native.authorization import ParameterValuesValueArgs, PolicyAssignment
from pulumi_azure_native.network import DdosProtectionPlan
from pulumi_azure_native.security import ExtensionArgs, Pricing

from cluster.azure.scope import Scope

# Built-in: "Kubernetes cluster pod security restricted standards for Linux-based workloads".
RESTRICTED_PODS = "/providers/Microsoft.Authorization/policySetDefinitions/42b8ef37-b724-4e24-bbc8-7a7708edfe00"

# Built-in: "Virtual networks should be protected by Azure DDoS Protection".
PROTECTED_NETWORKS = "/providers/Microsoft.Authorization/policyDefinitions/94de2ad3-e0c1-4caf-ad78-5d47bbc83d3d"

# Azure's own, and NVIDIA's device plugin, whose pods need their nodes' files.
_UNRESTRICTED_NAMESPACES = ["kube-system", "gatekeeper-system", "azure-arc", "gpu-operator"]

# What Defender's plan does beside its sensor: scans images in the registry, sees the cluster from outside.
_DEFENDER_EXTENSIONS = ("ContainerRegistriesVulnerabilityAssessments", "AgentlessDiscoveryForKubernetes")


def ddos_plan(scope: Scope) -> pulumi.Input[str] | None:
    """Return the id of the plan that protects the network: an existing one, a new one, or none."""
    protection = scope.settings.protection
    if protection.ddos != "network":
        return None
    if protection.ddos_plan:
        return protection.ddos_plan
    plan = DdosProtectionPlan(
        "ddos-plan",
        ddos_protection_plan_name=scope.name("ddos"),
        resource_group_name=scope.group,
        location=scope.location,
        tags=scope.tags,
    )
    return plan.id


def protect(scope: Scope, plan: pulumi.Input[str] | None) -> None:
    """Assign policies, and Defender's plan for the subscription."""
    protection = scope.settings.protection
    if protection.defender == "plan":
        _defender_plan(scope)
    if protection.pod_security != "off":
        excluded, effect = _value(_UNRESTRICTED_NAMESPACES), _value(protection.pod_security)
        parameters = {"excludedNamespaces": excluded, "effect": effect}
        _policy(scope, "pod-security", RESTRICTED_PODS, "Pods meet the restricted standard", parameters)
    if plan is not None:
        # Networks that others put into the group.
        parameters = {"effect": _value("Audit"), "ddosPlan": _value(plan)}
        _policy(scope, "ddos", PROTECTED_NETWORKS, "Virtual networks are protected against DDoS", parameters)


def _defender_plan(scope: Scope) -> None:
    Pricing(
        "defender-plan",
        pricing_name="Containers",
        pricing_tier="Standard",
        scope_id=pulumi.Output.concat("subscriptions/", scope.subscription),
        extensions=[ExtensionArgs(name=name, is_enabled="True") for name in _DEFENDER_EXTENSIONS],
        # It is the whole subscription's: others may count on it when this stack is gone.
        opts=pulumi.ResourceOptions(retain_on_delete=True),
    )


def _policy(
    scope: Scope, label: str, definition: str, title: str, parameters: dict[str, ParameterValuesValueArgs]
) -> None:
    PolicyAssignment(
        f"{label}-policy",
        policy_assignment_name=scope.name(label),
        display_name=title,
        policy_definition_id=definition,
        scope=scope.group_id,
        parameters=parameters,
    )


def _value(value: object) -> ParameterValuesValueArgs:
    return ParameterValuesValueArgs(value=value)
