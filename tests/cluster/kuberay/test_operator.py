"""What a user can do who has the role NAME-operator in the namespace, and no other."""

import pytest

from cluster.client_keys import ClientKeys
from cluster.kuberay.logs import container_logs, pods
from cluster.kuberay.ray_services import RayServices
from cluster.kuberay.sizes import Bounds
from cluster.kubernetes.errors import NotPermitted
from cluster.manifests.access import access_objects
from cluster.settings import ClusterSettings
from deployments.errors import StartupError


@pytest.fixture
def administered():
    """What an administrator applies once."""
    people = {"viewers": ["them"], "operators": ["us"]}
    return access_objects(ClusterSettings(name="faq", namespace="ns", application="serve.yaml", people=people))


@pytest.fixture
def services(api, server, administered):
    """The service of a user who has the role; what an administrator applies is there."""
    for each in administered:
        server.add(each)
    server.rules = next(each["rules"] for each in administered if each["metadata"]["name"] == "faq-operator")
    return RayServices(api, "faq", "ns")


def test_what_an_administrator_made_is_left_and_said_so_in_one_line(services, server, administered, ray_service):
    before = {path: content["metadata"]["resourceVersion"] for path, content in server.objects.items()}
    applied = services.apply([*administered, ray_service], "deploy")
    assert applied.revision == 1
    [line] = applied.left
    left, _, names = line.partition(": ")
    assert left == "left as an administrator made it, since you may not change it"
    assert names.startswith("Namespace ns (may not be read), ServiceAccount faq, Role faq-viewer, Role faq-operator, ")
    assert {path: server.objects[path]["metadata"]["resourceVersion"] for path in before} == before


def test_an_account_that_is_missing_ends_the_deployment_before_anything_else(
    services, server, administered, ray_service
):
    del server.objects["/api/v1/namespaces/ns/serviceaccounts/faq"]
    with pytest.raises(StartupError, match=r"no ServiceAccount faq, and you may not make it. Somebody who admin"):
        services.apply([*administered, ray_service], "deploy")
    assert server.of("RayService") == []


def test_a_role_that_is_missing_is_named(services, server, administered, ray_service):
    del server.objects["/apis/rbac.authorization.k8s.io/v1/namespaces/ns/roles/faq-viewer"]
    _, line = services.apply([*administered, ray_service], "deploy").left
    assert line.startswith("there is no Role faq-viewer, and you may not make it. Somebody who administers")


def test_a_dry_run_says_the_same(services, server, administered, ray_service):
    lines = []
    services.check([*administered, ray_service], lines.append)
    assert lines[0] == "RayService faq: accepted"
    assert lines[1].startswith("left as an administrator made it")
    assert server.of("RayService") == []


def test_everything_else_takes_no_other_right(  # noqa: PLR0917 - fixtures
    services, server, api, administered, ray_service, ray_cluster, pod
):
    services.apply([*administered, ray_service], "deploy")
    server.add(ray_cluster)
    server.add(pod(ready=True))
    server.logs["faq-abcde-head-x1", "ray-head"] = "started\n"
    keys = ClientKeys(api, "faq", "ns", secret="faq-keys", client="web-service", keeps=True)  # noqa: S106 - a name
    assert keys.ensure().primary
    keys.regenerate("primary")
    assert services.scale("cpu", Bounds(2, 4)).revision == 2
    assert services.roll_back().revision == 3
    assert [log.lines for log in container_logs(api, pods(api, "faq", "ns")[0], "ns", 5)] == [("started",)]
    services.annotate({"a": "b"}, "tags")
    server.objects = {path: each for path, each in server.objects.items() if each["kind"] not in {"RayCluster", "Pod"}}
    services.delete([*administered, ray_service], lambda _: None)
    keys.forget()
    left = {each["kind"] for each in server.objects.values()}
    assert left == {"Namespace", "ServiceAccount", "Role", "RoleBinding"}


def test_other_namespaces_and_other_kinds_are_refused_as_ever(services, server, ray_service):
    server.rules = [rule for rule in server.rules if "ray.io" not in rule["apiGroups"]]
    with pytest.raises(NotPermitted, match="does not allow GET"):
        services.apply([ray_service], "deploy")
