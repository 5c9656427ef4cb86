import copy

import pytest

from cluster.kuberay.ray_services import RayServices, how_it_changes
from cluster.kuberay.revisions import KEPT, Revisions
from cluster.kuberay.sizes import Bounds
from cluster.kubernetes.errors import KubernetesError, NotPermitted
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError


@pytest.fixture
def services(api):
    return RayServices(api, "faq", "ns")


def with_image(ray_service, image):
    changed = copy.deepcopy(ray_service)
    changed["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def test_objects_are_applied_with_the_ray_service_last(services, server, ray_service):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}}
    applied = services.apply([ray_service, secret], "deploy")
    patches = [(path, query) for method, path, query in server.requests if method == "PATCH"]
    assert [path.rpartition("/")[2] for path, _ in patches] == ["s", "faq"]
    assert all(query == {"fieldManager": "ray-scoring", "force": "true"} for _, query in patches)
    assert (applied.revision, applied.how) == (1, "a new RayService")


def test_the_same_again_is_no_change_and_no_revision(services, ray_service):
    services.apply([ray_service], "deploy")
    applied = services.apply([ray_service], "deploy")
    assert (applied.revision, applied.how) == (1, "nothing")


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({"serveConfigV2": "applications: [1]"}, "in place"),
        ({"rayClusterConfig": {"rayVersion": "2"}}, "a new cluster beside"),
        ({"rayClusterConfig": {"rayVersion": "2"}, "upgradeStrategy": {"type": "None"}}, "leaves undone"),
    ],
)
def test_what_kuberay_will_do_is_told(ray_service, change, how):
    changed = {**ray_service, "spec": {**ray_service["spec"], **change}}
    assert how in how_it_changes(ray_service, changed)


def test_other_bounds_of_groups_reach_the_cluster_that_serves(services, server, ray_service, ray_cluster):
    services.apply([ray_service], "deploy")
    ray_cluster["spec"]["workerGroupSpecs"][0]["replicas"] = 1
    server.add(ray_cluster)
    applied = services.scale("cpu", Bounds(2, 5))
    assert applied.how == "the number of pods; faq-abcde: cpu minReplicas 2, maxReplicas 5, replicas 2"
    [cluster] = server.of("RayCluster")
    cpu, gpu = cluster["spec"]["workerGroupSpecs"]
    assert (cpu["minReplicas"], cpu["maxReplicas"], cpu["replicas"]) == (2, 5, 2)
    assert gpu == ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"][1]
    assert services.scale("cpu", Bounds(2, 5)).how == "nothing"


def test_what_cannot_be_scaled_is_named(services, ray_service):
    with pytest.raises(StartupError, match="There is no RayService faq in the namespace ns"):
        services.scale("cpu", Bounds(1, 2))
    services.apply([ray_service], "deploy")
    with pytest.raises(StartupError, match="no worker group tpu; there are: cpu, gpu"):
        services.scale("tpu", Bounds(1, 2))
    with pytest.raises(StartupError, match="from 3 to 2"):
        Bounds(3, 2)


def test_any_revision_can_be_brought_back(services, server, ray_service):
    for image in ("a:1", "a:2", "a:3"):
        services.apply([with_image(ray_service, image)], f"deploy {image}")
    assert services.roll_back().revision == 4
    assert [(each.number, each.image, each.note) for each in services.revisions.all()] == [
        (4, "a:2", "back to revision 2"),
        (3, "a:3", "deploy a:3"),
        (2, "a:2", "deploy a:2"),
        (1, "a:1", "deploy a:1"),
    ]
    services.roll_back(1)
    [content] = server.of("RayService")
    assert content["spec"] == with_image(ray_service, "a:1")["spec"]
    with pytest.raises(StartupError, match=r"no revision 9; kept are: 1, 2, 3, 4, 5\."):
        services.roll_back(9)


def test_going_back_to_what_serves_gives_up_the_cluster_on_its_way(services, server, ray_service, ray_cluster, status):
    services.apply([ray_service], "deploy")
    services.apply([with_image(ray_service, "a:none")], "deploy")
    server.add(ray_cluster)
    server.add(server.of("RayService")[0], **status("faq-abcde", "faq-fghij"))
    applied = services.roll_back()
    assert applied.how == "the cluster that serves stays, and the one on its way is given up"
    [content] = server.of("RayService")
    assert "pendingServiceStatus" not in content["status"]
    assert content["status"]["activeServiceStatus"]["rayClusterName"] == "faq-abcde"


def test_who_gives_a_cluster_up_looks_again_where_kuberay_was_faster(  # noqa: PLR0917 - fixtures
    services, server, ray_service, ray_cluster, status, monkeypatch
):
    services.apply([ray_service], "deploy")
    services.apply([with_image(ray_service, "a:none")], "deploy")
    server.add(ray_cluster)
    server.add(server.of("RayService")[0], **status("faq-abcde", "faq-fghij"))
    real, patches = services.api.patch, []

    def patch(*arguments, **options):
        if not patches:
            server.add(server.of("RayService")[0])
        patches.append(options)
        return real(*arguments, **options)

    monkeypatch.setattr(services.api, "patch", patch)
    assert services.roll_back().how.startswith("the cluster that serves stays")
    assert len(patches) == 2


def test_an_incremental_upgrade_goes_back_by_itself(services, server, ray_service, ray_cluster, status):
    ray_service["spec"]["upgradeStrategy"] = {"type": "NewClusterWithIncrementalUpgrade"}
    services.apply([ray_service], "deploy")
    services.apply([with_image(ray_service, "a:none")], "deploy")
    server.add(ray_cluster)
    server.add(server.of("RayService")[0], **status("faq-abcde", "faq-fghij"))
    services.roll_back()
    assert server.of("RayService")[0]["status"]["pendingServiceStatus"]["rayClusterName"] == "faq-fghij"


def test_going_back_further_than_what_serves_takes_a_new_cluster(services, server, ray_service, ray_cluster, status):
    services.apply([with_image(ray_service, "a:0")], "deploy")
    services.apply([with_image(ray_service, "a:none")], "deploy")
    server.add(ray_cluster)
    server.add(server.of("RayService")[0], **status("faq-abcde", "faq-fghij"))
    assert "a new cluster beside" in services.roll_back().how
    assert server.of("RayService")[0]["status"]["pendingServiceStatus"]["rayClusterName"] == "faq-fghij"


def test_without_the_right_to_give_a_cluster_up_kuberay_makes_another(
    services, server, ray_service, ray_cluster, status
):
    services.apply([ray_service], "deploy")
    services.apply([with_image(ray_service, "a:none")], "deploy")
    server.add(ray_cluster)
    server.add(server.of("RayService")[0], **status("faq-abcde", "faq-fghij"))
    server.refusals["PATCH", "/apis/ray.io/v1/namespaces/ns/rayservices/faq/status"] = (403, "cannot patch")
    assert "a new cluster beside" in services.roll_back().how


def test_without_a_revision_before_there_is_no_way_back(services, ray_service):
    services.apply([ray_service], "deploy")
    with pytest.raises(StartupError, match="no revision before"):
        services.roll_back()


def test_only_the_last_revisions_are_kept(services, server, ray_service):
    for number in range(KEPT + 3):
        services.apply([with_image(ray_service, f"a:{number}")], "deploy")
    assert [each.number for each in services.revisions.all()] == list(range(KEPT + 3, 3, -1))
    assert len(server.of("Secret")) == KEPT


def test_two_who_deploy_at_the_same_time_get_numbers_of_their_own(api, server, ray_service, monkeypatch):
    revisions = Revisions(api, "faq", "ns")
    monkeypatch.setattr(revisions, "all", list)
    assert revisions.add(ray_service, "one") == 1
    assert revisions.add(ray_service, "other") == 2


def test_deleting_takes_the_ray_service_first(services, server, ray_service):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}}
    unknown = {"apiVersion": "monitoring/v1", "kind": "PodMonitor", "metadata": {"name": "m", "namespace": "ns"}}
    services.apply([secret, ray_service], "deploy")
    assert services.delete([secret, unknown, ray_service], lambda _: None) is True
    deleted = [path.rpartition("/")[2] for method, path, _ in server.requests if method == "DELETE"]
    assert deleted[0] == "faq"
    assert server.objects == {}
    assert services.delete([secret], lambda _: None) is False


def test_deleting_waits_for_pods_and_names_those_that_stay(services, server, ray_service, ray_cluster, pod):
    services.apply([ray_service], "deploy")
    server.add(ray_cluster)
    server.add(pod(ready=True))
    shown = []
    with pytest.raises(StartupError, match="still 1 RayCluster, 1 pod; a finalizer may hold them"):
        services.delete([], shown.append, seconds=0.2)
    assert shown == ["deleting: 1 RayCluster, 1 pod"]


def test_refusals_of_the_cluster_are_sentences(api, server, ray_service):
    path = "/apis/ray.io/v1/namespaces/ns/rayservices/faq"
    server.refusals["PATCH", path] = (422, "spec.rayClusterConfig is required")
    with pytest.raises(KubernetesError, match=r"^RayService faq: The cluster refuses it \(422\): spec.rayCl.* is req"):
        RayServices(api, "faq", "ns").apply([ray_service], "deploy")
    server.refusals["PATCH", path] = (404, 'namespaces "ns" not found')
    with pytest.raises(StartupError, match="There is no namespace ns: `kubectl create namespace ns`"):
        RayServices(api, "faq", "ns").apply([ray_service], "deploy")
    server.refusals["GET", path] = (401, "Unauthorized")
    with pytest.raises(KubernetesError, match="does not accept the credentials"):
        api.get(Kind.RAY_SERVICE, "faq", "ns")


def test_what_administrators_apply_is_left_to_them(api, server, ray_service):
    config_map = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r", "namespace": "ns"}}
    roles = {"resources": [{"name": "roles", "kind": "Role", "namespaced": True}]}
    server.refusals["GET", "/apis/rbac.authorization.k8s.io/v1"] = (200, roles)
    forbidden = (403, "cannot patch")
    server.refusals["PATCH", "/apis/rbac.authorization.k8s.io/v1/namespaces/ns/roles/r"] = forbidden
    services = RayServices(api, "faq", "ns")
    assert services.apply([role, ray_service], "deploy").revision == 1
    server.refusals["PATCH", "/api/v1/namespaces/ns/secrets/s"] = forbidden
    with pytest.raises(NotPermitted, match="does not permit it: cannot patch"):
        services.apply([config_map, ray_service], "deploy")


def test_a_kind_that_the_cluster_does_not_know_is_named(api):
    with pytest.raises(KubernetesError, match=r"does not know RayThing of ray.io/v1. Install the KubeRay operator"):
        api.get(Kind("ray.io/v1", "RayThing"), "a", "ns")
    with pytest.raises(KubernetesError, match="does not know Gateway of gateway/v1"):
        api.get(Kind("gateway/v1", "Gateway"), "a", "ns")
