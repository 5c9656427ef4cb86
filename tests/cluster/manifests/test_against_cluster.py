"""What a real API server and a real KubeRay say to the objects; nothing of them stays behind."""

import subprocess
import time
import uuid

import pytest
from real_cluster import need_cluster

from cluster.manifests.objects import objects, ray_service
from cluster.settings import ClusterSettings, read_settings
from tests.cluster.manifests.conftest import EXAMPLES

pytestmark = pytest.mark.cluster

kubernetes = pytest.importorskip("kubernetes")

MANAGER = "scoring-tests"
ADMITTED_SECONDS = 60
NAMES = ["local", "aks"]


def example_in(name: str, namespace: str, **values) -> ClusterSettings:
    settings = read_settings(EXAMPLES / f"{name}.settings.yaml")
    return ClusterSettings.model_validate({**settings.model_dump(), "namespace": namespace, **values})


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    need_cluster()
    # What a cluster knows may be another than at the last run, so nothing that was kept of it is read.
    cache = tmp_path_factory.mktemp("discovery") / "cache.json"
    return kubernetes.dynamic.DynamicClient(kubernetes.config.new_client_from_config(), cache_file=str(cache))


@pytest.fixture(scope="module")
def namespace(api):
    """A namespace as the product makes it, which enforces Pod Security's level restricted."""
    name = f"manifests-{uuid.uuid4().hex[:8]}"
    apply(api, objects(example_in("local", name))[0])
    yield name
    api.resources.get(api_version="v1", kind="Namespace").delete(name=name)


def apply(api, each, **options):
    resource = api.resources.get(api_version=each["apiVersion"], kind=each["kind"])
    return api.server_side_apply(resource, body=each, field_manager=MANAGER, force_conflicts=True, **options)


def dry_run(api, each):
    try:
        return apply(api, each, dry_run="All", query_params=[("fieldValidation", "Strict")])
    except kubernetes.dynamic.exceptions.ResourceNotFoundError:
        pytest.skip(f"This cluster does not know {each['kind']} of {each['apiVersion']}.")


def cases():
    return [
        pytest.param(name, number, id=f"{name}-{each['kind']}-{each['metadata']['name']}")
        for name in NAMES
        for number, each in enumerate(objects(read_settings(EXAMPLES / f"{name}.settings.yaml")))
    ]


def more_cases():
    """What no example has."""
    gateway = {
        "class_name": "nginx",
        "host": "scoring.example.com",
        "certificate": {"secret": "own"},
        "kind": "ingress",
    }
    password = {"secret": "redis", "key": "password"}
    values = {
        "ingress": ("Ingress", {"gateway": gateway}),
        "monitor": ("PodMonitor", {"monitoring": {"kind": "prometheus-operator"}}),
        "rules": ("PrometheusRule", {"monitoring": {"kind": "prometheus-operator"}}),
        "disk": ("StatefulSet", {"redis": {"password": password, "bundled": {"storage": "1Gi"}}}),
        "incremental": ("RayService", {"upgrade": {"strategy": "incremental", "gateway_class": "some"}}),
    }
    return [pytest.param(kind, changes, id=name) for name, (kind, changes) in values.items()]


@pytest.mark.parametrize(("name", "number"), cases())
def test_the_api_server_takes_every_object(api, namespace, name, number):
    each = objects(example_in(name, namespace))[number]
    assert dry_run(api, each).metadata.name == each["metadata"]["name"]


@pytest.mark.parametrize(("kind", "values"), more_cases())
def test_the_api_server_takes_what_no_example_has(api, namespace, kind, values):
    for each in objects(example_in("local", namespace, **values)):
        if each["kind"] == kind:
            assert dry_run(api, each).metadata.name == each["metadata"]["name"]


def test_a_field_that_there_is_not_is_noticed(api, namespace):
    each = ray_service(example_in("local", namespace))
    each["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["nodeSelecter"] = {"a": "b"}
    with pytest.raises(kubernetes.client.ApiException, match="nodeSelecter"):
        dry_run(api, each)


def templates(settings):
    cluster = ray_service(settings)["spec"]["rayClusterConfig"]
    yield cluster["headGroupSpec"]["template"]
    yield from (group["template"] for group in cluster["workerGroupSpecs"])
    yield from (each["spec"]["template"] for each in objects(settings) if each["kind"] == "StatefulSet")


@pytest.mark.parametrize("name", NAMES)
def test_pod_security_restricted_admits_every_pod(api, namespace, name):
    settings = example_in(name, namespace)
    apply(api, next(each for each in objects(settings) if each["kind"] == "ServiceAccount"))
    for number, template in enumerate(templates(settings)):
        metadata = {**template["metadata"], "name": f"pod-{number}", "namespace": namespace}
        dry_run(api, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


def test_pod_security_is_enforced(api, namespace):
    spec = {"containers": [{"name": "a", "image": "a"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root", "namespace": namespace}, "spec": spec}
    with pytest.raises(kubernetes.client.ApiException, match="restricted"):
        apply(api, pod, dry_run="All")


def test_kuberay_makes_pods_that_are_admitted(api, namespace):
    """With what KubeRay adds: an init container, the autoscaler, a token. No image is needed to see that."""
    image = {"repository": "localhost/none", "tag": "none", "pull_policy": "Never"}
    # Without Redis, which KubeRay would want to clean with the image that there is not.
    settings = example_in("local", namespace, image=image, redis=None, create_namespace=False)
    found = objects(settings)
    for each in found:
        apply(api, each)
    try:
        pods = _wait_for_pods(api, namespace, settings.name)
        head = next(pod for pod in pods if pod.metadata.labels["ray.io/node-type"] == "head")
        assert [container.name for container in head.spec.containers] == ["ray-head", "autoscaler"]
        assert head.spec.serviceAccountName == settings.name
        for pod in pods:
            for container in [*pod.spec.containers, *(pod.spec.initContainers or [])]:
                assert container.securityContext.readOnlyRootFilesystem, container.name
    finally:
        api.resources.get(api_version="ray.io/v1", kind="RayService").delete(name=settings.name, namespace=namespace)


def _wait_for_pods(api, namespace, service):
    resource = api.resources.get(api_version="v1", kind="Pod")
    until = time.monotonic() + ADMITTED_SECONDS
    while time.monotonic() < until:
        pods = resource.get(namespace=namespace, label_selector=f"app.kubernetes.io/instance={service}").items
        if {pod.metadata.labels["ray.io/node-type"] for pod in pods} == {"head", "worker"}:
            return pods
        time.sleep(1)
    events = api.resources.get(api_version="v1", kind="Event").get(namespace=namespace).items
    raise AssertionError([event.message for event in events if event.type == "Warning"])


CAN = [
    ("viewers", "get", "rayservices.ray.io", True),
    ("viewers", "get", "pods/log", True),
    ("viewers", "list", "events", True),
    ("viewers", "get", "secrets", False),
    ("viewers", "patch", "rayservices.ray.io", False),
    ("viewers", "create", "pods/exec", False),
    ("operators", "patch", "rayservices.ray.io", True),
    ("operators", "delete", "rayservices.ray.io", True),
    ("operators", "update", "secrets", True),
    ("operators", "create", "pods/exec", True),
    ("operators", "patch", "networkpolicies.networking.k8s.io", True),
    ("operators", "create", "rolebindings.rbac.authorization.k8s.io", False),
    ("operators", "escalate", "roles.rbac.authorization.k8s.io", False),
    ("operators", "patch", "serviceaccounts", False),
    ("operators", "delete", "nodes", False),
]


@pytest.fixture(scope="module")
def people(api, namespace):
    groups = {"viewers": ["test-viewers"], "operators": ["test-operators"]}
    for each in objects(example_in("local", namespace, people=groups)):
        if each["kind"] in {"Role", "RoleBinding"}:
            apply(api, each)


@pytest.mark.parametrize(("group", "verb", "resource", "expected"), CAN)
@pytest.mark.usefixtures("people")
def test_what_people_can_do(namespace, group, verb, resource, expected):
    command = ["kubectl", "auth", "can-i", verb, resource, "--as=somebody", f"--as-group=test-{group}", "-n", namespace]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.strip().startswith("yes" if expected else "no"), result.stderr


@pytest.mark.usefixtures("people")
def test_roles_hold_nowhere_else(namespace):
    command = ["kubectl", "auth", "can-i", "get", "pods", "--as=somebody", "--as-group=test-operators", "-n", "default"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().startswith("no")


@pytest.mark.usefixtures("people")
def test_pods_can_do_nothing(namespace):
    account = f"system:serviceaccount:{namespace}:scoring"
    for what in (["get", "secrets"], ["list", "pods"], ["create", "pods"]):
        command = ["kubectl", "auth", "can-i", *what, f"--as={account}", "-n", namespace]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.stdout.strip().startswith("no"), what
