from decimal import Decimal

import pytest

from cluster.doctor.amounts import amount, asked
from cluster.doctor.findings import Outcome
from cluster.doctor.nodes import check, nodes_of, place
from cluster.doctor.quota import limit_ranges, quota

QUOTAS = "/api/v1/namespaces/scoring/resourcequotas"
SERVED = {"/apis/ray.io/v1": {"resources": [{"kind": "RayService", "name": "rayservices", "namespaced": True}]}}
RUNNING = "/apis/ray.io/v1/namespaces/scoring/rayservices/scoring"


def of(cpu, memory="1Gi", **more):
    resources = {"cpu": cpu, "memory": memory, **more}
    return {"containers": [{"name": "a", "resources": {"requests": resources, "limits": resources}}]}


def test_what_a_pod_asks_for():
    spec = {
        "initContainers": [{"resources": {"requests": {"cpu": "3"}}}],
        "containers": [
            {"resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "2", "memory": "1Gi"}}},
            {"resources": {"requests": {"cpu": "1"}}},
            {},
        ],
    }
    assert asked(spec, "requests") == {"cpu": Decimal(3), "memory": Decimal(2**30)}
    assert asked(spec, "limits") == {"cpu": Decimal(2), "memory": Decimal(2**30)}
    assert amount("1500m") == Decimal("1.5")


def quota_of(hard, used=None):
    return [{"metadata": {"name": "small"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used or {}}}]


# Head 1 CPU, workers 2 CPUs each, 1 to 3 of them with the autoscaler, whose container takes half a CPU.
@pytest.mark.parametrize(
    ("hard", "used", "outcome", "says"),
    [
        (None, None, Outcome.OK, "no quota"),
        ({"requests.cpu": "100", "pods": "100"}, {"requests.cpu": "10"}, Outcome.OK, "room for every replica"),
        ({"requests.cpu": "3"}, None, Outcome.FAILED, "leaves 3 of requests.cpu, needed are 3.5"),
        ({"cpu": "10"}, {"cpu": "8"}, Outcome.FAILED, "leaves 2 of cpu"),
        ({"limits.memory": "5Gi"}, None, Outcome.FAILED, "leaves 5.0Gi of limits.memory, needed are 6.5Gi"),
        ({"pods": "1"}, None, Outcome.FAILED, "of pods"),
        ({"requests.cpu": "4"}, None, Outcome.WARNING, "keeps it from scaling"),
        ({"pods": "4"}, {"pods": "1"}, Outcome.WARNING, "leaves 3 of pods, needed are 4"),
        ({"requests.nvidia.com/gpu": "0"}, None, Outcome.OK, "room"),
    ],
)
def test_quotas(fake_api, build, *, hard, used, outcome, says):
    service = build.ray_service(enableInTreeAutoscaling=True)
    table = {QUOTAS: [] if hard is None else quota_of(hard, used)}
    finding = quota(fake_api(table), build.rendered(service))
    assert (finding.outcome, says in finding.message) == (outcome, True), finding


def test_an_upgrade_to_a_new_cluster_takes_twice_the_room(fake_api, build):
    table = {QUOTAS: quota_of({"requests.cpu": "5"})}
    rendered = build.rendered(build.ray_service())
    finding = quota(fake_api(table), rendered)
    assert finding.outcome is Outcome.WARNING
    assert "an upgrade to a new cluster would not fit" in finding.message
    # What runs has its place already.
    full = {QUOTAS: quota_of({"requests.cpu": "5"}, {"requests.cpu": "3"}), RUNNING: {"metadata": {}}, **SERVED}
    finding = quota(fake_api(full), rendered)
    assert finding.outcome is Outcome.WARNING
    assert finding.message.startswith("for an upgrade to a new cluster the quota is too small")


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"type": "Container", "max": {"cpu": "1"}}, "workers cpu/ray has 2 of cpu, bounds allows 1"),
        ({"type": "Container", "min": {"memory": "3Gi"}}, "head/ray asks for 2.0Gi of memory, bounds wants 3Gi"),
        ({"type": "Pod", "max": {"memory": "3Gi"}}, "workers cpu has 4.0Gi"),
        ({"type": "Container", "max": {"cpu": "2"}}, None),
        ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, None),
    ],
)
def test_limits_of_containers_and_pods(build, limit, says):
    ranges = [{"metadata": {"name": "bounds"}, "spec": {"limits": [limit]}}]
    finding = limit_ranges(ranges, build.rendered(build.ray_service()))
    assert finding.outcome is (Outcome.FAILED if says else Outcome.OK)
    assert says is None or says in finding.message


def node(name="a", cpu="4", memory="16Gi", *, labels=None, taints=None, ready="True", **more):
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": taints or []},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110", **more},
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def finding_of(build, *nodes, pods=(), workers=None, nodes_grow=False):
    groups = build.rendered(build.ray_service(workers=workers)).pod_groups()
    return place(nodes_of(list(nodes), list(pods)), groups, nodes_grow=nodes_grow)


def test_nodes_with_room(build):
    assert finding_of(build, node()).outcome is Outcome.OK
    # 1 and 2 CPUs fit onto two nodes, but not onto one of 2.
    assert finding_of(build, node(cpu="2"), node("b", cpu="1")).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([], "no node is ready"),
        ([node(ready="False")], "no node is ready"),
        ([node(cpu="2")], "no node has room for head: 1 with 1 of cpu asked, 0 free"),
        ([node(memory="4Gi")], "of memory asked"),
        ([node(taints=[{"key": "gpu", "effect": "NoSchedule"}])], "taint gpu is not tolerated"),
    ],
)
def test_nodes_without_room(build, nodes, says):
    finding = finding_of(build, *nodes)
    assert finding.outcome is Outcome.FAILED
    assert says in finding.message
    assert finding_of(build, *nodes, nodes_grow=True).outcome is Outcome.WARNING


def test_running_pods_take_room_and_ended_ones_do_not(build):
    pod = {"metadata": {"name": "b"}, "spec": {"nodeName": "a", **of("2")}, "status": {"phase": "Running"}}
    assert finding_of(build, node(), pods=[pod]).outcome is Outcome.FAILED
    assert finding_of(build, node(), pods=[pod | {"status": {"phase": "Succeeded"}}]).outcome is Outcome.OK


def test_gpus_labels_and_tolerations(build):
    gpu_pod = of("1", **{"nvidia.com/gpu": "1"}) | {
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}],
    }
    taint = [{"key": "sku", "value": "gpu", "effect": "NoSchedule"}]
    gpu_node = node("g", labels={"pool": "gpu"}, taints=taint, **{"nvidia.com/gpu": "1"})
    assert finding_of(build, node(), gpu_node, workers=gpu_pod).outcome is Outcome.OK
    assert "label pool=gpu is missing" in finding_of(build, node(), workers=gpu_pod).message
    without = node("g", labels={"pool": "gpu"}, taints=taint)
    assert "1 of nvidia.com/gpu asked, 0 free" in finding_of(build, node(), without, workers=gpu_pod).message


def test_who_may_not_see_nodes_is_told_so(fake_api, build):
    api = fake_api({"/api/v1/nodes": (403, "no")})
    finding = check(api, build.rendered(build.ray_service()), nodes_grow=False).run()
    assert finding.outcome is Outcome.WARNING


def test_what_runs_of_this_application_makes_room_for_itself(fake_api, build):
    own = {
        "metadata": {"name": "b", "namespace": "scoring", "labels": {"ray.io/cluster": "scoring-abc12"}},
        "spec": {"nodeName": "a", **of("4")},
    }
    api = fake_api({"/api/v1/nodes": [node()], "/api/v1/pods": [own]})
    assert check(api, build.rendered(build.ray_service()), nodes_grow=False).run().outcome is Outcome.OK
