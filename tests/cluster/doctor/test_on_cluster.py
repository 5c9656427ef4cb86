"""Against the cluster that KUBECONFIG names; each test has a namespace of its own, which takes only restricted pods."""

import json
import os
import secrets

import kubernetes
import pytest
import yaml
from real_cluster import need_cluster, until
from typer.testing import CliRunner

from cluster.commands import app
from cluster.doctor import quota
from cluster.doctor.examination import Plan, examine
from cluster.doctor.findings import Outcome, Place, Stage
from cluster.doctor.probe_pod import NAME, NAME_LABEL
from cluster.doctor.rendered import Rendered
from cluster.kubernetes.api import connect
from cluster.kubernetes.kinds import Kind
from serve_app.layout import lay_out

pytestmark = pytest.mark.cluster

IMAGE = os.environ.get("SCORING_CLUSTER_IMAGE")
NO_IMAGE = "SCORING_CLUSTER_IMAGE names no image with python3 that the cluster's nodes can run."
QUOTA, ACCOUNT = Kind("v1", "ResourceQuota"), Kind("v1", "ServiceAccount")
RBAC = "rbac.authorization.k8s.io/v1"
needs_image = pytest.mark.skipif(not IMAGE, reason=NO_IMAGE)


class Namespace:
    """A namespace, and what is in it."""

    def __init__(self, api):
        self.api, self.name = api, f"doctor-{secrets.token_hex(4)}"
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})

    def create(self, kind, name, **content):
        metadata = {"name": name, "namespace": self.name}
        return self.api.create({"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **content})

    def has_quota(self, name):
        return self.api.get(QUOTA, name, self.name).get("status", {}).get("hard")

    def pods(self):
        return self.api.find(Kind.POD, self.name, labels=f"{NAME_LABEL}={NAME}")


@pytest.fixture
def namespace():
    need_cluster()
    made = Namespace(connect(read_seconds=10))
    yield made
    made.api.delete(Kind.NAMESPACE, made.name)


FAQ = {"models": [{"kind": "faq_matcher"}]}


def a_plan(build, namespace, args=None, *more, **settings):
    head = {"containers": [build.container(IMAGE or "localhost/none:1", cpu="100m", memory="128Mi")]}
    service = build.ray_service(args or FAQ, head=head, workers=head)
    service["metadata"]["namespace"] = namespace.name
    service["spec"]["rayClusterConfig"]["headGroupSpec"]["rayStartParams"] = {}
    service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["rayStartParams"] = {}
    settings = {"inside": False, "timeout_seconds": 2, **settings}
    return Plan(Rendered(namespace.name, [service, *more]), "local", **settings)


def findings(api, plan, place=Place.HERE):
    return {each.name: each.finding for each in examine(api, plan) if each.place is place}


def test_what_can_be_seen_from_here(build, namespace):
    found = findings(namespace.api, a_plan(build, namespace))
    well = {"API server", "login", "clock", "Kubernetes", "namespace", "kind RayService", "rights to deploy"}
    well |= {"rights to follow", "quota", "limits", "dry run"}
    assert {name: each for name, each in found.items() if name in well and each.outcome is not Outcome.OK} == {}
    assert well <= found.keys()
    assert "knows every field" in found["kind RayService"].message
    # An operator may also run outside of the cluster.
    assert found["KubeRay operator"].outcome in {Outcome.OK, Outcome.WARNING}


@needs_image
def test_the_command_looks_from_inside_and_leaves_nothing_behind(namespace, tmp_path):
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(lay_out(FAQ)))
    repository, _, tag = IMAGE.rpartition(":")
    content = {
        "namespace": namespace.name,
        "application": "serve.yaml",
        "image": {"repository": repository, "tag": tag},
        "head": {"cpu": "100m", "memory": "256Mi"},
        "workers": [{"resources": {"cpu": "100m", "memory": "256Mi"}}],
    }
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(content))
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "settings.yaml"), "--json"])
    report = json.loads(done.stdout)
    assert [each["message"] for each in report["results"] if each["outcome"] == "failed"] == []
    assert done.exit_code == 0
    inside = {each["name"]: each["outcome"] for each in report["results"] if each["place"] == "inside"}
    assert inside == {"pod": "ok", "clock": "ok", "host kubernetes.default.svc": "ok"}
    assert namespace.pods() == []


@needs_image
def test_hosts_that_pods_do_not_reach_fail_by_stage(build, namespace):
    image = {"kind": "image_classifier", "versions": [{"model": {"weights_uri": "https://no-such-host.invalid/a.pth"}}]}
    quotas = {"redis_url": "redis://no-such-service:6379"}
    plan = a_plan(build, namespace, {"models": [image], "ingress": {"quotas": quotas}}, inside=True)
    results = {each.name: each for each in examine(namespace.api, plan) if each.place is Place.INSIDE}
    assert results["pod"].finding.outcome is Outcome.OK, results["pod"].finding.message
    weights, redis = results["host no-such-host.invalid"], results["host no-such-service"]
    assert (weights.stage, weights.finding.outcome) == (Stage.DEPLOY, Outcome.FAILED)
    assert "its name is not found" in weights.finding.message
    assert (redis.stage, redis.finding.outcome) == (Stage.SERVE, Outcome.FAILED)
    assert results["host kubernetes.default.svc"].finding.outcome is Outcome.OK


def test_an_image_that_nodes_do_not_have(build, namespace):
    plan = a_plan(build, namespace, inside=True, image="no-such-registry.invalid/none:1", pod_seconds=60)
    results = [each for each in examine(namespace.api, plan) if each.place is Place.INSIDE]
    found = {each.name: each.finding for each in results}
    assert found["pod"].outcome is Outcome.FAILED
    assert "cannot pull the image no-such-registry.invalid/none:1" in found["pod"].message
    assert found["host kubernetes.default.svc"].outcome is Outcome.SKIPPED
    assert namespace.pods() == []


def test_a_quota_that_is_too_small(build, namespace):
    namespace.create(QUOTA, "small", spec={"hard": {"pods": "1"}})
    until(lambda: namespace.has_quota("small"), 30, "the quota holds")
    plan = a_plan(build, namespace)
    found = quota.quota(namespace.api, plan.rendered)
    assert found.outcome is Outcome.FAILED
    assert "small leaves 1 of pods, needed are 2" in found.message


def test_a_pod_for_which_the_quota_has_no_room(build, namespace):
    namespace.create(QUOTA, "none", spec={"hard": {"pods": "0"}})
    until(lambda: namespace.has_quota("none"), 30, "the quota holds")
    found = findings(namespace.api, a_plan(build, namespace, inside=True), Place.INSIDE)
    assert found["pod"].outcome is Outcome.FAILED
    assert "exceeded quota" in found["pod"].message


def test_limits_of_single_containers(build, namespace):
    limit = {"type": "Container", "max": {"memory": "100Mi"}}
    namespace.create(Kind("v1", "LimitRange"), "bounds", spec={"limits": [limit]})
    assert findings(namespace.api, a_plan(build, namespace))["limits"].outcome is Outcome.FAILED


def test_more_than_the_nodes_have(build, namespace):
    plan = a_plan(build, namespace)
    large = build.container(cpu="100m", memory="100Ti")
    plan.rendered.objects[0]["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"] = [large]
    gpu = plan.rendered.objects[0]["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["template"]["spec"]
    gpu["containers"] = [{**build.container(), "resources": {"limits": {"nvidia.com/gpu": "1000"}}}]
    found = findings(namespace.api, plan)["nodes"]
    assert found.outcome is Outcome.FAILED
    assert "no node has room for head" in found.message
    assert "1000 of nvidia.com/gpu asked" in found.message


def test_a_kind_that_the_cluster_does_not_know(build, namespace):
    unknown = {"apiVersion": "no-such-group.example.com/v1", "kind": "Nothing", "metadata": {"name": "it"}, "spec": {}}
    found = findings(namespace.api, a_plan(build, namespace, None, unknown))["kind Nothing"]
    assert found.outcome is Outcome.FAILED
    assert "does not know Nothing" in found.message


def test_a_field_that_the_crd_does_not_know(build, namespace):
    plan = a_plan(build, namespace)
    plan.rendered.objects[0]["spec"]["noSuchField"] = {"a": 1}
    found = findings(namespace.api, plan)["kind RayService"]
    assert found.outcome is Outcome.FAILED
    assert "spec.noSuchField" in found.message


def test_secrets_and_classes_that_are_not_there(build, namespace):
    plan = a_plan(build, namespace)
    pod = plan.rendered.objects[0]["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
    pod["volumes"] = [{"name": "keys", "secret": {"secretName": "no-such-secret"}}]
    pod["priorityClassName"] = "no-such-class"
    found = findings(namespace.api, plan)
    assert found["Secret no-such-secret"].outcome is Outcome.FAILED
    assert found["PriorityClass no-such-class"].outcome is Outcome.FAILED
    namespace.create(Kind.SECRET, "no-such-secret", data={"keys.json": "e30="})
    assert findings(namespace.api, plan)["Secret no-such-secret"].outcome is Outcome.OK


def test_what_the_api_server_would_refuse(build, namespace):
    plan = a_plan(build, namespace)
    plan.rendered.objects[0]["spec"]["serviceUnhealthySecondThreshold"] = "many"
    found = findings(namespace.api, plan)["dry run"]
    assert found.outcome is Outcome.FAILED
    assert "serviceUnhealthySecondThreshold" in found.message


def account_kubeconfig(namespace, file):
    """Make an account that may only read RayServices, and a kubeconfig for it."""
    namespace.create(ACCOUNT, "reader")
    rules = [{"apiGroups": ["ray.io"], "resources": ["rayservices"], "verbs": ["get", "list", "watch"]}]
    namespace.create(Kind(RBAC, "Role"), "reader", rules=rules)
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace.name}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    namespace.create(Kind(RBAC, "RoleBinding"), "reader", roleRef=reference, subjects=[subject])
    core = kubernetes.client.CoreV1Api(namespace.api.client)
    token = core.create_namespaced_service_account_token("reader", namespace.name, {"spec": {}}).status.token
    server = namespace.api.server
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "reader",
        "clusters": [{"name": "c", "cluster": {"server": server.url, "certificate-authority": server.ca_file}}],
        "users": [{"name": "reader", "user": {"token": token}}],
        "contexts": [{"name": "reader", "context": {"cluster": "c", "user": "reader"}}],
    }
    file.write_text(yaml.safe_dump(content))
    return file


def test_rights_that_are_missing_are_named(build, namespace, tmp_path):
    reader = connect(kubeconfig=account_kubeconfig(namespace, tmp_path / "config"), read_seconds=10)
    plan = a_plan(build, namespace, inside=True)
    results = examine(reader, plan)
    here = {each.name: each.finding for each in results if each.place is Place.HERE}
    assert here["login"].message.endswith(f"system:serviceaccount:{namespace.name}:reader")
    assert here["rights to deploy"].outcome is Outcome.FAILED
    assert here["rights to deploy"].message == "you may not create, patch, delete rayservices.ray.io"
    assert here["rights to follow"].outcome is Outcome.WARNING
    assert here["nodes"].outcome is Outcome.WARNING
    pod = next(each.finding for each in results if each.name == "pod")
    assert pod.outcome is Outcome.WARNING
    assert "may not look from inside" in pod.message


def test_a_token_that_the_cluster_does_not_know(build, namespace, tmp_path):
    file = account_kubeconfig(namespace, tmp_path / "config")
    content = yaml.safe_load(file.read_text())
    content["users"] = [{"name": "reader", "user": {"token": "not-a-token"}}]
    file.write_text(yaml.safe_dump(content))
    found = findings(connect(kubeconfig=file, read_seconds=10), a_plan(build, namespace, inside=True))
    assert found["login"].outcome is Outcome.FAILED
    assert found["quota"].outcome is Outcome.SKIPPED
