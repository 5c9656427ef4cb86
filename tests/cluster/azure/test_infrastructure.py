"""What holds for every resource, and for what the stack puts out."""

import json
import os
import subprocess
import sys

import pytest
from azure_stack import configured

EVERYTHING = {
    "tags": {"cost-center": "42", "product": "not ours"},
    "domain": {"zone": "scoring.example.com"},
    "budget": {"monthly_amount": 1, "emails": ["team@example.com"], "start": "2027-01-01"},
    "monitoring": {"alert_emails": ["team@example.com"]},
    "protection": {"ddos": "network"},
    "private": {"services": True},
}
NAMED_LIKE_SECRETS = ("secret", "key", "password", "token", "kubeconfig", "credential", "connectionstring")


@pytest.mark.parametrize("preset", ["dev-test", "production"])
def test_everything_that_can_have_tags_has_them(stack, preset):
    given = EVERYTHING if preset == "production" else {"tags": EVERYTHING["tags"]}
    it = stack(configured(preset, **given))
    tags = {"cost-center": "42", "product": "ray-scoring", "environment": preset, "managed-by": "pulumi"}
    taggable = [one for one in it.declared if "tags" in one.arguments]
    assert len(taggable) > 15
    assert {one.label for one in taggable if one.inputs.get("tags") != tags} == set()
    system = it.one("containerservice:ManagedCluster")["agentPoolProfiles"][0]
    assert system["tags"] == tags


def test_everything_is_where_the_settings_say(stack):
    it = stack({**configured("production", **EVERYTHING), "location": "northeurope"})
    places = {one.inputs["location"] for one in it.declared if "location" in one.inputs}
    assert places == {"northeurope", "global"}


@pytest.mark.parametrize("preset", ["dev-test", "production"])
def test_no_secret_is_put_out(stack, preset):
    it = stack(configured(preset, **(EVERYTHING if preset == "production" else {})))
    assert {"registry", "clusterName", "vault", "podsClientId", "oidcIssuer"} <= it.outputs.keys()
    assert [name for name in it.outputs if any(word in name.lower() for word in NAMED_LIKE_SECRETS)] == []
    # Nor does the stack hold any: no resource is given one.
    assert not it.has("keyvault:Secret")
    assert "adminUserPassword" not in json.dumps(it.outputs)


def test_names_keep_to_azures_limits(stack):
    it = stack(configured("production", name="a23456789012345f", **EVERYTHING))
    registry = it.all("containerregistry:Registry")[0].label + "01234567"
    vault = it.all("keyvault:Vault")[0].label + "01234567"
    grafana = it.all("dashboard:Grafana")[0].label + "01234567"
    assert registry.isalnum()
    assert len(registry) <= 50
    assert len(vault) <= 24
    assert len(grafana) <= 30
    assert all(len(one.inputs["agentPoolName"]) <= 12 for one in it.all("containerservice:AgentPool"))
    assert len(it.one("containerservice:ManagedCluster")["nodeResourceGroup"]) <= 80


PROGRAM = """
import importlib.util, json, pathlib, runpy, sys
import pulumi

stack, program, settings = sys.argv[1:]
spec = importlib.util.spec_from_file_location("azure_mocks", stack)
mocks = importlib.util.module_from_spec(spec)
sys.modules["azure_mocks"] = mocks
spec.loader.exec_module(mocks)
azure = mocks.Azure()
pulumi.runtime.set_mocks(azure, project="ray-scoring-aks", stack="test")
pulumi.runtime.set_all_config({"ray-scoring-aks:settings": settings} if settings else {})
# Pulumi runs the directory, which Python then looks for modules in first.
pulumi.runtime.test(lambda: runpy.run_path(program, run_name="__main__") and None)()
print(len(azure.declared))
"""


def run_program(repository, settings):
    return subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM,
            str(repository / "tests/cluster/azure/azure_stack.py"),
            str(repository / "cluster/azure"),
            settings,
        ],
        cwd=repository / "cluster/azure",
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_declares_the_stack(repository):
    ran = run_program(repository, json.dumps(configured("dev-test")))
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 30


def test_wrong_settings_end_the_program_with_a_sentence(repository):
    ran = run_program(repository, json.dumps(configured("dev-test", nodes=3)))
    assert ran.returncode != 0
    assert "nodes: unknown key" in ran.stderr
    assert "pulumi.errors.RunError" in ran.stderr
