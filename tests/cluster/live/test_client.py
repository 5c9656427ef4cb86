"""The client against a real API server and a real KubeRay; what needs the image, with the image."""

import json
import time
import uuid

import pytest

from cluster.kuberay.causes import CauseKind
from cluster.kuberay.logs import container_logs, pods, ray_logs
from cluster.kuberay.ray_services import RayServices
from cluster.kuberay.sizes import Bounds
from cluster.kuberay.states import State
from cluster.kuberay.waiting import NotReady
from cluster.kubernetes.kinds import Kind
from serve_app.client import Keys, ScoringClient, Unauthenticated
from serve_app.faq.asking import ask

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

NAMESPACE = Kind("v1", "Namespace")
NOWHERE = "registry.invalid/ray-scoring"
READY_SECONDS = 420
QUESTION = "Another program uses port 8000"


@pytest.fixture(scope="module")
def namespace(api):
    name = f"scoring-{uuid.uuid4().hex[:8]}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete(NAMESPACE, name)


def of_image(name, namespace, image=f"{NOWHERE}:1", *, pull_policy="IfNotPresent", **requests):
    """Return a RayService without a worker, whose head runs an image."""
    resources = {"cpu": "100m", "memory": "256Mi"} | requests
    container = {"name": "ray-head", "image": image, "imagePullPolicy": pull_policy}
    container |= {"resources": {"requests": resources, "limits": resources}}
    head = {"rayStartParams": {}, "template": {"spec": {"containers": [container]}}}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"serveConfigV2": "applications: []\n", "rayClusterConfig": {"headGroupSpec": head}},
    }


@pytest.fixture
def failure(api, namespace):
    """Apply a RayService that cannot become ready, wait, delete it; gives how it failed and what was shown."""
    applied = []

    def find(ray_service, seconds):
        services = RayServices(api, ray_service["metadata"]["name"], namespace)
        applied.append(services)
        services.apply([ray_service], "test")
        shown = []
        with pytest.raises(NotReady) as error:
            services.wait_until_ready(shown.append, seconds)
        return error.value, shown

    yield find
    for services in applied:
        services.delete([], lambda _: None)
        assert pods(api, services.name, namespace) == []
        assert services.revisions.all() == []


def test_an_image_that_no_registry_has_is_named_when_the_time_is_over(failure, namespace):
    error, shown = failure(of_image("nowhere", namespace), 60)
    [cause] = error.causes
    assert cause.kind is CauseKind.IMAGE
    assert f"the image {NOWHERE}:1 cannot be pulled" in cause.problem
    assert "registry.invalid" in cause.problem.partition("cannot be pulled")[2]
    assert len([line for line in shown if line.startswith("! pod ")]) == 1


def test_an_image_that_the_node_must_have_ends_the_waiting_early(failure, namespace):
    started = time.monotonic()
    error, _ = failure(of_image("never", namespace, pull_policy="Never"), 300)
    assert time.monotonic() - started < 100
    assert error.state is State.FAILED
    assert "is not on the node" in str(error)


@pytest.mark.parametrize(
    ("requests", "missing"), [({"cpu": "999"}, "999 cores"), ({"nvidia.com/gpu": "999"}, "999 GPUs")]
)
def test_a_pod_that_no_node_takes_says_what_is_missing(failure, namespace, requests, missing):
    error, shown = failure(of_image("large", namespace, **requests), 15)
    assert error.state is State.UNSCHEDULABLE
    assert f"It asks for {missing}: ask for less, or add nodes." in str(error)
    assert any("waits for a node" in line for line in shown)


def test_a_pod_that_the_namespace_refuses_says_why(api, failure, namespace):
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    api.patch(NAMESPACE, namespace, None, labels)
    error, _ = failure(of_image("refused", namespace), 15)
    assert [each.kind for each in error.causes] == [CauseKind.REFUSED]
    assert "allowPrivilegeEscalation" in str(error)


def test_what_kuberay_refuses_is_told_at_once(failure, namespace):
    ray_service = of_image("invalid", namespace)
    ray_service["spec"]["upgradeStrategy"] = {"type": "Sideways"}
    error, _ = failure(ray_service, 60)
    assert error.state is State.FAILED
    assert "Sideways is invalid" in str(error)


def test_a_deployed_service_answers(service):
    assert service.state is State.HEALTHY
    assert service.error is None
    assert service.tags == {"team": "faq"}
    snapshot = service.ray_services.read()
    deployments = {name: set(each.deployments) - {"root"} for name, each in snapshot.applications.items()}
    assert deployments == {"scoring": {"ingress"}, "faq-1": {"faq-1"}, "image-1": {"image-1", "image-1-preprocess"}}
    assert service.run(f'{{"data": ["{QUESTION}"], "top_k": 1}}')["matched"] == [True]
    token = service.get_token()
    with ScoringClient(service.url, credentials=token.text) as client:
        assert client.call(ask(QUESTION)).matched


def test_logs_are_of_containers_and_of_every_process_of_ray_serve(service, api):
    found = service.get_logs(200)
    assert "ray-head <==" in found
    assert "wait-gcs-ready <==" in found
    [head] = pods(api, service.name, service.settings.namespace, "head")
    files = [each.source for each in ray_logs(api, head, service.settings.namespace, 5)]
    assert any(file.startswith("serve/controller_") for file in files)
    # Requests' lines are in the output of containers, where a cluster collects it.
    containers = [
        log
        for pod in pods(api, service.name, service.settings.namespace)
        for log in container_logs(api, pod, service.settings.namespace, 2000)
    ]
    lines = [json.loads(line) for log in containers for line in log.lines if line.startswith('{"time"')]
    assert "request" in {line["message"] for line in lines}
    replicas = [line for line in found.splitlines() if "serve/replica_" in line]
    assert {"scoring_ingress", "faq-1_faq-1", "image-1_image-1", "image-1_image-1-preprocess"} == {
        line.split("serve/replica_")[1].rsplit("_", 1)[0] for line in replicas
    }


def test_a_new_key_holds_within_seconds_and_the_other_all_the_time(service):
    primary, secondary = service.get_keys()
    new = service.regen_key("primary")
    with ScoringClient(service.url, credentials=Keys(new)) as client:
        until = time.monotonic() + 30
        while True:
            try:
                client.call(ask(QUESTION))
                break
            except Unauthenticated:
                assert time.monotonic() < until, "the new key is not accepted after 30 seconds"
    with ScoringClient(service.url, credentials=secondary) as client:
        client.call(ask(QUESTION))
    with ScoringClient(service.url, credentials=primary) as client:
        until = time.monotonic() + 30
        while True:
            try:
                client.call(ask(QUESTION))
                assert time.monotonic() < until, "the old key is accepted after 30 seconds"
            except Unauthenticated:
                break


def test_bounds_of_a_group_reach_the_cluster_that_serves(restored, api):
    before = restored.ray_services.read().service.status.active.cluster
    restored.ray_services.scale("cpu", Bounds(2, 4))
    group = api.get(Kind.RAY_CLUSTER, before, restored.settings.namespace)["spec"]["workerGroupSpecs"][0]
    assert (group["minReplicas"], group["maxReplicas"]) == (2, 4)
    restored.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert restored.ray_services.read().service.status.active.cluster == before
