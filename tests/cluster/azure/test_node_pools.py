import pytest
from azure_stack import configured

POOL = "containerservice:AgentPool"


@pytest.mark.parametrize("preset", ["dev-test", "production"])
def test_gpu_nodes_come_when_a_gpu_is_asked_for(stack, preset):
    pool = stack(configured(preset)).one(POOL, "gpu-pool")
    assert (pool["enableAutoScaling"], pool["minCount"], pool["count"]) == (True, 0, 0)
    assert pool["maxCount"] >= 1
    assert pool["nodeTaints"] == ["nvidia.com/gpu=present:NoSchedule"]
    assert pool["gpuProfile"]["driver"] == "Install"
    assert pool["securityProfile"]["enableSecureBoot"] is False
    assert pool["nodeLabels"] == {"ray-scoring/pool": "gpu"}


def test_the_cpu_pool_takes_any_pod_and_the_system_pool_only_kubernetes_own(stack):
    it = stack(configured("production"))
    cpu, system = it.one(POOL, "cpu-pool"), it.one("containerservice:ManagedCluster")["agentPoolProfiles"][0]
    assert "nodeTaints" not in cpu
    assert (system["mode"], system["nodeTaints"]) == ("System", ["CriticalAddonsOnly=true:NoSchedule"])
    assert cpu["mode"] == "User"
    for pool in (cpu, system):
        assert pool["enableNodePublicIP"] is False
        assert pool["enableAutoScaling"] is True
        assert pool["enableEncryptionAtHost"] is True


def test_spot_nodes(stack):
    it = stack(configured("dev-test", pools={"gpu": {"spot": True}}))
    pool = it.one(POOL, "gpu-pool")
    assert (pool["scaleSetPriority"], pool["spotMaxPrice"]) == ("Spot", -1)
    # Azure accepts no surge for them.
    assert "upgradeSettings" not in pool
    assert "scaleSetPriority" not in it.one(POOL, "cpu-pool")


def test_without_a_gpu_pool(stack):
    assert [one.label for one in stack(configured("dev-test", pools={"gpu": None})).all(POOL)] == ["cpu-pool"]


def test_upgrades_and_scaling_wait_for_pods_to_drain(stack):
    it = stack(configured("production"))
    scaler = it.one("containerservice:ManagedCluster")["autoScalerProfile"]
    drain = it.one(POOL, "cpu-pool")["upgradeSettings"]["drainTimeoutInMinutes"] * 60
    assert int(scaler["maxGracefulTerminationSec"]) == drain == 1800
    assert scaler["skipNodesWithLocalStorage"] == "false"
