"""A stack, declared against Pulumi's mocks: neither Azure, nor Pulumi's engine, nor a network."""

import asyncio
import importlib
import inspect
from dataclasses import dataclass

import pytest

pulumi = pytest.importorskip("pulumi", reason="Pulumi is not installed: install ray-scoring[azure] (docs/aks.md).")
pytest.importorskip("pulumi_azure_native", reason="Pulumi's Azure package is not installed: docs/aks.md.")

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
ADMINS = "22222222-2222-2222-2222-222222222222"
DEPLOYERS = "33333333-3333-3333-3333-333333333333"
OPERATORS = "44444444-4444-4444-4444-444444444444"
READERS = "55555555-5555-5555-5555-555555555555"

MINIMAL = {"location": "westeurope", "access": {"admin_groups": [ADMINS]}}
TRUSTED = {"trusted_ranges": ["203.0.113.0/24"]}


def configured(preset, **given):
    """What a stack's configuration would say."""
    network = TRUSTED if preset == "production" else {}
    return {"preset": preset, **MINIMAL, "network": network, **given}


@dataclass(frozen=True)
class Declared:
    """A resource as the engine would get it, with Azure's names of properties."""

    type: str
    label: str
    inputs: dict

    @property
    def id(self):
        return f"/{self.type}/{self.label}"

    @property
    def arguments(self):
        """Names of what such a resource can be given."""
        service, name = self.type.split(":")
        resource = getattr(importlib.import_module(f"pulumi_azure_native.{service}"), name)
        return set(inspect.signature(resource._internal_init).parameters)


class Azure(pulumi.runtime.Mocks):
    """Answers as Azure would, with what the program reads of its answers."""

    def __init__(self):
        self.declared = []

    def new_resource(self, args):
        resource = Declared(args.typ.removeprefix("azure-native:"), args.name, args.inputs)
        self.declared.append(resource)
        return resource.id, {**args.inputs, "name": f"{args.name}-name", **ANSWERS.get(resource.type, {})}

    def call(self, args):
        assert args.token == "azure-native:authorization:getClientConfig"
        return {"subscriptionId": SUBSCRIPTION, "tenantId": "the-tenant", "clientId": "me", "objectId": "me"}


ANSWERS = {
    "containerservice:ManagedCluster": {
        "oidcIssuerProfile": {"enabled": True, "issuerURL": "https://issuer/"},
        "identity": {"type": "UserAssigned", "principalId": "", "tenantId": ""},  # asked as a list, answered by key
    },
    "managedidentity:UserAssignedIdentity": {"principalId": "a-principal", "clientId": "a-client"},
    "network:PublicIPAddress": {"ipAddress": "198.51.100.7"},
    "containerregistry:Registry": {"loginServer": "registry.example"},
    "operationalinsights:Workspace": {"customerId": "a-workspace"},
    "dns:Zone": {"nameServers": ["ns1.example."]},
    "dashboard:Grafana": {
        "identity": {"type": "SystemAssigned", "principalId": "grafana-principal", "tenantId": "the-tenant"},
        "properties": {"endpoint": "https://grafana.example"},
    },
}


class Stack:
    """All that a program declared, and what it puts out."""

    def __init__(self, declared, outputs):
        self.declared = declared
        self.outputs = outputs

    def all(self, kind):
        return [one for one in self.declared if one.type == kind]

    def one(self, kind, label=None):
        found = [one for one in self.all(kind) if label in {None, one.label}]
        assert len(found) == 1, f"{kind} {label}: {[one.label for one in found]} of {len(self.declared)}"
        return found[0].inputs

    def has(self, kind):
        return bool(self.all(kind))


@pytest.fixture
def stack():
    """Declares a stack from what its configuration would say."""

    def declare(config):
        from cluster.azure.infrastructure import build
        from cluster.azure.settings import from_config

        azure, outputs = Azure(), {}
        asyncio.set_event_loop(asyncio.new_event_loop())
        pulumi.runtime.set_mocks(azure, project="ray-scoring-aks", stack="test")
        settings = from_config(config)

        @pulumi.runtime.test
        def program():
            return pulumi.Output.from_input(build(settings)).apply(outputs.update)

        program()
        return Stack(azure.declared, outputs)

    return declare
