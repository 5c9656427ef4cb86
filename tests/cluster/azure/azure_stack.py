"""A stack, declared against Pulumi's mocks: neither Azure, nor Pulumi's engine, nor a network."""

import asyncio
import functools
import importlib
import inspect
import json
from dataclasses import dataclass
from unittest import mock

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
        own = {"principalId": args.name} if resource.type.endswith(":UserAssignedIdentity") else {}
        return resource.id, {**args.inputs, **own, "name": f"{args.name}-name", **ANSWERS.get(resource.type, {})}

    def call(self, args):
        assert args.token.endswith(":getClientConfig")
        return {"subscriptionId": SUBSCRIPTION, "tenantId": "the-tenant", "clientId": "me", "objectId": "me"}


ANSWERS = {
    "containerservice:ManagedCluster": {
        "oidcIssuerProfile": {"enabled": True, "issuerURL": "https://issuer/"},
        "identity": {"type": "UserAssigned", "principalId": "", "tenantId": ""},  # asked as a list, answered by key
    },
    "managedidentity:UserAssignedIdentity": {"clientId": "a-client"},
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


def declare(config):
    """Declare a stack from what its configuration would say; once, however many tests look at it."""
    return _declared(json.dumps(config, sort_keys=True))


@functools.cache
def _declared(config):
    from cluster.azure.infrastructure import build
    from cluster.azure.settings import from_config

    azure, outputs = Azure(), {}
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(azure, project="ray-scoring-aks", stack="test")
    settings = from_config(json.loads(config))

    @pulumi.runtime.test
    def program():
        return pulumi.Output.from_input(build(settings)).apply(outputs.update)

    # Every resource brings its former names, over which Pulumi spends most of the time; a new stack has none of them.
    with mock.patch.object(pulumi.ResourceOptions, "merge", staticmethod(_merged_without_aliases)):
        program()
    return Stack(azure.declared, outputs)


_merge = pulumi.ResourceOptions.merge


def _merged_without_aliases(one, other):
    merged = _merge(one, other)
    merged.aliases = []
    return merged
