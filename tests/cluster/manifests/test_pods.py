import re
import tomllib
from pathlib import Path

from cluster.images.source import repository, tag_of
from cluster.manifests.objects import objects, ray_service
from cluster.manifests.ray_service import RAY_VERSION
from serve_app.fast_mode import FAST_MODE, LOCAL_DRAINING, QUIET_AT_REST

ROOT = Path(__file__).parents[3]


def pods_of(settings):
    """Every pod's specification with a name for it."""
    for each in objects(settings):
        if each["kind"] == "RayService":
            cluster = each["spec"]["rayClusterConfig"]
            yield "head", cluster["headGroupSpec"]["template"]["spec"]
            for group in cluster["workerGroupSpecs"]:
                yield group["groupName"], group["template"]["spec"]
        elif each["kind"] == "StatefulSet":
            yield "redis", each["spec"]["template"]["spec"]


def containers_of(settings):
    for name, pod in pods_of(settings):
        for container in pod["containers"]:
            yield name, container
    if autoscaler := ray_service(settings)["spec"]["rayClusterConfig"].get("autoscalerOptions"):
        yield "autoscaler", autoscaler


def variables(container):
    return {each["name"]: each.get("value") for each in container["env"]}


def head_of(settings):
    return ray_service(settings)["spec"]["rayClusterConfig"]["headGroupSpec"]


def worker_of(settings, number=0):
    return ray_service(settings)["spec"]["rayClusterConfig"]["workerGroupSpecs"][number]


def test_no_pod_is_root_or_writes_its_root_file_system(example):
    for name, pod in pods_of(example):
        security = pod["securityContext"]
        assert security["runAsNonRoot"], name
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod.get("hostNetwork")
        assert pod["automountServiceAccountToken"] is False
        assert not [volume for volume in pod.get("volumes", []) if "hostPath" in volume]
    for _, container in containers_of(example):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_requests_equal_limits(example):
    for name, container in containers_of(example):
        resources = container["resources"]
        assert resources["requests"] == resources["limits"], name
        assert {"cpu", "memory"} <= set(resources["limits"])


def test_cores_may_be_borrowed_and_ray_does_not_count_them(local, changed):
    resources = {"cpu": "1400m", "cpu_limit": "4", "memory": "4Gi"}
    group = {"name": "cpu", "resources": resources}
    settings = changed(local, head={"cpu": "500m", "cpu_limit": "2"}, workers=[group])
    worker, head = worker_of(settings), head_of(settings)
    asked = worker["template"]["spec"]["containers"][0]["resources"]
    assert asked == {"requests": {"cpu": "1400m", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}}
    assert (worker["rayStartParams"]["num-cpus"], head["rayStartParams"]["num-cpus"]) == ("2", "1")


def test_what_a_container_mounts_is_a_volume_of_its_pod(example):
    for _, pod in pods_of(example):
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        paths = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} <= volumes
        assert len(set(paths)) == len(paths)


def test_only_the_autoscaler_may_speak_to_kubernetes(example):
    head = head_of(example)["template"]["spec"]
    assert "kubernetes-token" in {volume["name"] for volume in head["volumes"]}
    assert "kubernetes-token" not in {mount["name"] for mount in head["containers"][0]["volumeMounts"]}
    options = ray_service(example)["spec"]["rayClusterConfig"]["autoscalerOptions"]
    paths = [mount["mountPath"] for mount in options["volumeMounts"]]
    assert "/var/run/secrets/kubernetes.io/serviceaccount" in paths


def test_head_and_workers_have_the_fast_mode(example):
    for name, pod in pods_of(example):
        if name == "redis":
            continue
        found = variables(pod["containers"][0])
        assert {key: found[key] for key in {**FAST_MODE, **QUIET_AT_REST}} == {**FAST_MODE, **QUIET_AT_REST}
        assert all(found[key] != value for key, value in LOCAL_DRAINING.items()), "a cluster takes longer"


def test_probes_ask_what_is_asked_of_the_pod(example):
    head = head_of(example)["template"]["spec"]["containers"][0]
    assert head["readinessProbe"]["httpGet"] == {"path": "/api/healthz", "port": 52365}
    worker = worker_of(example)["template"]["spec"]["containers"][0]
    assert worker["readinessProbe"]["httpGet"] == {"path": "/-/healthz", "port": 8000}
    assert worker["livenessProbe"]["httpGet"]["port"] == 52365


def test_a_worker_drains_longer_than_the_longest_request(local, changed, application_file):
    path = application_file("{profile: local, ingress: {request_timeout_seconds: 300}}")
    pod = worker_of(changed(local, application=path))["template"]["spec"]
    drain = int(variables(pod["containers"][0])["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain > 300
    assert pod["terminationGracePeriodSeconds"] > before + drain


def test_the_head_outlives_its_workers(example):
    worker = worker_of(example)["template"]["spec"]
    drain = int(variables(worker["containers"][0])["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    before = worker["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    head = head_of(example)["template"]["spec"]
    *command, port, seconds = head["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert command == ["python", "-m", "cluster.manifests.last_to_leave"]
    assert port == "6379"
    stays = int(seconds)
    own = int(variables(head["containers"][0])["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    assert stays >= before + drain
    assert head["terminationGracePeriodSeconds"] > stays + own


def test_in_production_the_head_holds_no_replicas(aks, local):
    assert head_of(aks)["rayStartParams"]["num-cpus"] == "0"
    assert ray_service(aks)["spec"]["excludeHeadPodFromServeSvc"] is True
    assert "num-cpus" not in head_of(local)["rayStartParams"]
    assert ray_service(local)["spec"]["excludeHeadPodFromServeSvc"] is False


def test_a_gpu_pod_has_one_gpu_and_may_go_where_gpus_are(aks):
    pod = worker_of(aks, 1)["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]
    assert pod["nodeSelector"]["kubernetes.azure.com/accelerator"] == "nvidia"
    assert pod["nodeSelector"]["ray-scoring/pool"] == "gpu"
    assert "tolerations" not in worker_of(aks)["template"]["spec"]


def test_secrets_come_by_reference(aks):
    head = head_of(aks)["template"]["spec"]["containers"][0]
    password = next(each for each in head["env"] if each["name"] == "QUOTAS_PASSWORD")
    assert password["valueFrom"] == {"secretKeyRef": {"name": "scoring-quotas", "key": "password"}}


def test_keys_are_mounted_where_the_service_looks(example):
    worker = worker_of(example)["template"]["spec"]
    keys = next(volume for volume in worker["volumes"] if volume["name"] == "keys")
    assert keys["secret"]["secretName"] == "scoring-keys"
    assert keys["secret"]["defaultMode"] & 0o022 == 0, "files that others may write are not read"
    mount = next(mount for mount in worker["containers"][0]["volumeMounts"] if mount["name"] == "keys")
    assert mount["mountPath"] == variables(worker["containers"][0])["SCORING_ACCESS"]
    assert mount["readOnly"]


def test_an_open_service_needs_no_keys(local, changed, application_file):
    settings = changed(local, application=application_file("{profile: local}"))
    assert "keys" not in {volume["name"] for volume in worker_of(settings)["template"]["spec"]["volumes"]}


def test_the_autoscaler_keeps_its_number_of_pods(local, changed):
    assert "replicas" not in worker_of(local)
    fixed = changed(local, workers=[{"name": "cpu", "min_replicas": 2, "max_replicas": 2}])
    cluster = ray_service(fixed)["spec"]["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"] is False
    assert "autoscalerOptions" not in cluster
    assert cluster["workerGroupSpecs"][0]["replicas"] == 2


def test_ray_s_version_is_the_locked_one():
    locked = (ROOT / "requirements" / "serve.txt").read_text()
    assert re.search(r"^ray==(\S+)", locked, re.MULTILINE)[1] == RAY_VERSION
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert any(RAY_VERSION.rpartition(".")[0] in each for each in extras["serve"])


def test_gpu_workers_have_an_image_of_their_own(aks):
    images = [worker_of(aks, number)["template"]["spec"]["containers"][0]["image"] for number in (0, 1)]
    assert images == ["scoring.azurecr.io/ray-scoring:example", "scoring.azurecr.io/ray-scoring:example-gpu"]


def test_without_a_tag_it_is_that_of_the_source(local, changed):
    container = head_of(changed(local, image={"repository": "ray-scoring"}))["template"]["spec"]["containers"][0]
    base = local.image.base
    assert container["image"] == f"ray-scoring:{tag_of(repository(), 'cpu', base)}"


def test_replicas_gather_on_few_pods_only_where_pods_may_go(local, changed):
    def strategy(**group):
        settings = changed(local, workers=[{"name": "cpu", **group}])
        head = variables(head_of(settings)["template"]["spec"]["containers"][0])
        return head.get("RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY")

    assert strategy(min_replicas=1, max_replicas=3) == "1"
    assert strategy(min_replicas=2, max_replicas=2) is None
