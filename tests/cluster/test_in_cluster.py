"""The client against a real API server and a real KubeRay; what needs the image, with the image.

KUBECONFIG names the cluster, SCORING_TEST_IMAGE the image (`repository:tag`) that its nodes can run.
"""

import os
import time
import uuid

import pytest
import yaml

from cluster.kuberay.causes import CauseKind
from cluster.kuberay.logs import pods, ray_logs
from cluster.kuberay.ray_services import RayServices
from cluster.kuberay.states import State, serves
from cluster.kuberay.waiting import NotReady
from cluster.kubernetes.api import Api, connect
from cluster.kubernetes.errors import KubernetesError
from cluster.kubernetes.kinds import Kind
from cluster.settings import ClusterSettings
from cluster.web_service import WebService
from serve_app.client import Keys, ScoringClient, Unauthenticated

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

NO_CLUSTER = "KUBECONFIG names no cluster; any with KubeRay's operator will do, as kind with KubeRay's Helm chart."
NO_IMAGE = "SCORING_TEST_IMAGE names no image (repository:tag) that the cluster's nodes can run."
NAMESPACE = Kind("v1", "Namespace")
NOWHERE = "registry.invalid/ray-scoring"
READY_SECONDS = 420
QUESTION = "Another program uses port 8000"


@pytest.fixture(scope="module")
def api() -> Api:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip(NO_CLUSTER)
    try:
        cluster = connect()
        cluster.find(NAMESPACE)
    except KubernetesError as error:
        pytest.skip(f"{error} {NO_CLUSTER}")
    return cluster


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
    error, shown = failure(of_image("nowhere", namespace), 25)
    [cause] = error.causes
    assert cause.kind is CauseKind.IMAGE
    assert f"the image {NOWHERE}:1 cannot be pulled" in cause.problem
    assert "registry.invalid" in cause.problem.partition("cannot be pulled")[2]
    assert len([line for line in shown if line.startswith("! ")]) == 1


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="module")
def settings(folder):
    """Make settings of a service with one FAQ model in a namespace of its own."""
    image = os.environ.get("SCORING_TEST_IMAGE")
    if not image:
        pytest.skip(NO_IMAGE)
    repository, _, tag = image.rpartition(":")
    namespace = f"scoring-{uuid.uuid4().hex[:8]}"

    def make(*, groups=(1, 1), tag=tag, model=None, ingress=None) -> ClusterSettings:
        args = {"models": [{"kind": "faq_matcher", "name": "faq", "versions": [{"model": model or {}}]}]}
        args |= {"ingress": ingress} if ingress else {}
        application = {"name": "scoring", "route_prefix": "/", "import_path": "serve_app.app:build", "args": args}
        path = folder / f"{uuid.uuid4().hex}.yaml"
        path.write_text(yaml.safe_dump({"applications": [application]}))
        return ClusterSettings.model_validate(
            {
                "name": "web",
                "namespace": namespace,
                "application": path,
                "image": {"repository": repository, "tag": tag, "pull_policy": "Never"},
                "head": {"cpu": "400m", "memory": "3Gi"},
                "autoscaler": {"cpu": "50m", "memory": "512Mi"},
                "workers": [
                    {
                        "name": "cpu",
                        "min_replicas": groups[0],
                        "max_replicas": groups[1],
                        "resources": {"cpu": "400m", "memory": "4Gi"},
                    }
                ],
                "web_service": {"keep_keys": True, "tags": {"team": "faq"}},
            }
        )

    return make


@pytest.fixture(scope="module")
def service(api, settings):
    """A web service that is ready."""
    wanted = settings()
    deployed = WebService.deploy(wanted, api=api)
    try:
        deployed.wait_for_deployment(show_output=True, timeout_seconds=READY_SECONDS)
        yield deployed
    finally:
        deployed.delete(keys=True)
        left = [each["metadata"]["name"] for each in api.find(Kind.SECRET, wanted.namespace)]
        clusters = api.find(Kind.RAY_CLUSTER, wanted.namespace)
        api.delete(NAMESPACE, wanted.namespace)
    assert (left, clusters) == ([], [])


def active(service):
    return service.ray_services.read().service.status.active.cluster


def test_a_deployed_service_answers(service):
    assert service.state is State.HEALTHY
    assert service.error is None
    assert service.tags == {"team": "faq"}
    snapshot = service.ray_services.read()
    assert snapshot.applications["scoring"].deployments.keys() == {"faq-1", "ingress"}
    assert service.run(f'{{"data": ["{QUESTION}"], "top_k": 1}}')["matched"] == [True]
    token = service.get_token()
    with ScoringClient(service.url, credentials=token.text) as client:
        assert client.ask(QUESTION).matched


def test_logs_are_of_containers_and_of_every_process_of_ray(service, api):
    found = service.get_logs(200)
    assert "ray-head <==" in found
    assert "wait-gcs-ready <==" in found
    [head] = pods(api, service.name, service.settings.namespace, "head")
    files = [each.source for each in ray_logs(api, head, service.settings.namespace, 5)]
    assert {"gcs_server.out", "raylet.out"} <= set(files)
    assert any(file.startswith("serve/controller_") for file in files)
    replicas = [line for line in found.splitlines() if "serve/replica_scoring_" in line]
    assert {"faq-1", "ingress"} == {line.split("_scoring_")[1].rsplit("_", 1)[0] for line in replicas}


def test_a_new_key_holds_within_seconds_and_the_other_all_the_time(service):
    primary, secondary = service.get_keys()
    new = service.regen_key("primary")
    with ScoringClient(service.url, credentials=Keys(new)) as client:
        until = time.monotonic() + 30
        while True:
            try:
                client.ask(QUESTION)
                break
            except Unauthenticated:
                assert time.monotonic() < until, "the new key is not accepted after 30 seconds"
    with ScoringClient(service.url, credentials=secondary) as client:
        client.ask(QUESTION)
    with ScoringClient(service.url, credentials=primary) as client:
        until = time.monotonic() + 30
        while True:
            try:
                client.ask(QUESTION)
                assert time.monotonic() < until, "the old key is accepted after 30 seconds"
            except Unauthenticated:
                break


def test_a_changed_limit_reaches_the_same_cluster(service, settings):
    before = active(service)
    service.settings = settings(ingress={"max_body_mb": 1})
    applied = service.apply("a limit")
    assert applied.how == "the application's config, in place"
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert active(service) == before
    assert service.state is State.HEALTHY


def test_an_application_that_fails_to_start_says_why_and_is_rolled_back(service, settings):
    service.settings = settings(model={"model_dir": "/models/none"})
    service.apply("a model that is not there")
    with pytest.raises(NotReady, match="/models/none") as error:
        service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert CauseKind.APPLICATION in {each.kind for each in error.value.causes}
    assert "/models/none" in service.error
    service.ray_services.roll_back()
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert service.state is State.HEALTHY
    assert service.run(f'{{"data": ["{QUESTION}"]}}')["matched"] == [True]


def test_an_image_that_is_not_there_leaves_the_old_version_serving(service, settings):
    before = active(service)
    service.settings = settings(tag="none")
    assert "a new cluster beside" in service.apply("an image that is not there").how
    with pytest.raises(NotReady, match=r"(?s)is not on the node.*Requests are answered by the version before it"):
        service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert service.state is State.FAILED
    assert serves(service.ray_services.read())
    assert service.run(f'{{"data": ["{QUESTION}"]}}')["matched"] == [True]
    assert service.ray_services.roll_back().how.startswith("the cluster that serves stays")
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert active(service) == before
    assert service.state is State.HEALTHY


def test_bounds_of_a_group_reach_the_cluster_that_serves(service, api):
    from cluster.kuberay.sizes import Bounds

    before = active(service)
    service.ray_services.scale("cpu", Bounds(1, 2))
    group = api.get(Kind.RAY_CLUSTER, before, service.settings.namespace)["spec"]["workerGroupSpecs"][0]
    assert (group["minReplicas"], group["maxReplicas"]) == (1, 2)
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert active(service) == before
