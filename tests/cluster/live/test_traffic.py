"""Requests at a constant rate from outside of the pods, while the cluster changes or loses a part of itself."""

import pytest
from faults import kill_processes, restart_operator
from real_cluster import until
from steady_load import is_full

from cluster.kuberay.logs import pods
from cluster.kuberay.sizes import Bounds
from cluster.kuberay.states import State
from cluster.kubernetes.kinds import Kind
from loadtest.open_loop import Generator
from loadtest.payloads import question_payloads

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

READY_SECONDS = 600
GONE_SECONDS = 300
WORKERS = 2


def changed(service, settings, note):
    """Apply other settings, and wait until they hold; returns what Kubernetes did for them."""
    service.settings = settings
    applied = service.apply(note)
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert service.state is State.HEALTHY
    return applied.how


def active(service):
    return service.ray_services.read().service.status.active.cluster


def workers(service, api):
    """Pods of workers of the cluster that serves, those that are going included."""
    found = pods(api, service.name, service.settings.namespace, "worker*")
    return [pod for pod in found if pod.metadata.labels["ray.io/cluster"] == active(service)]


def ready(found):
    return [pod for pod in found if pod.is_ready and pod.metadata.deletion_timestamp is None]


def is_whole(service, api):
    """Whether two workers are ready and all is healthy; one more may be there, which helped meanwhile."""
    return len(ready(workers(service, api))) >= WORKERS and service.state is State.HEALTHY


def is_at_rest(service, api, number):
    """Whether there are so many workers, idle ones included, none is on its way in or out, and all is healthy."""
    found = workers(service, api)
    going = [pod for pod in found if pod.metadata.deletion_timestamp]
    return len(found) == number and not going and service.state is State.HEALTHY


def until_gone(api, service, cluster):
    namespace = service.settings.namespace
    until(lambda: api.get(Kind.RAY_CLUSTER, cluster, namespace) is None, GONE_SECONDS, "the cluster before is gone")


def tags_of(found):
    images = {container.image for pod in found for container in pod.spec.containers}
    return {image.rpartition(":")[2] for image in images}


def test_a_config_update(restored, settings, load):
    """Every replica of every stage is replaced, one after the other."""
    before = active(restored)
    with load("config update") as outcome:
        how = changed(restored, settings(ingress={"max_body_mb": 1}), "a smaller limit")
    assert how == "the application's config, in place"
    assert active(restored) == before
    assert outcome.is_explained()


def test_a_worker_pod_deleted(service, api, load):
    gone, *_ = ready(workers(service, api))
    with load("worker pod deleted") as outcome:
        api.delete(Kind.POD, gone.name, service.settings.namespace)
        until(lambda: gone.name not in {pod.name for pod in workers(service, api)}, GONE_SECONDS, "the pod is gone")
        until(lambda: is_whole(service, api), READY_SECONDS, "another worker is ready")
    assert outcome.is_explained()


def test_a_worker_pod_killed(service, api, load):
    """What it was working on is lost, and what reaches it until the others know: a retrying client sees nothing."""
    killed, *_ = ready(workers(service, api))
    with load("worker pod killed (SIGKILL)") as outcome:
        kill_processes(api, killed.name, service.settings.namespace, "ray-worker")
        until(lambda: killed.name not in {pod.name for pod in ready(workers(service, api))}, 60, "the loss is seen")
        until(lambda: is_whole(service, api), READY_SECONDS, "two workers are ready again")
    assert outcome.retrying_failed == []
    assert outcome.failed <= outcome.sent / 100


def test_the_head_pod_killed(service, api, load):
    """Its state is in Redis, and it holds no replicas: requests go on without it."""
    [head] = [pod for pod in pods(api, service.name, service.settings.namespace, "head") if pod.is_ready]
    kept = {pod.name for pod in ready(workers(service, api))}
    with load("head pod killed (Redis keeps its state)") as outcome:
        api.delete(Kind.POD, head.name, service.settings.namespace, grace_seconds=0)

        def is_back():
            found = pods(api, service.name, service.settings.namespace, "head")
            return any(pod.is_ready and pod.name != head.name for pod in found)

        until(is_back, READY_SECONDS, "another head is ready")
        until(lambda: is_whole(service, api), READY_SECONDS, "all is as before")
    assert {pod.name for pod in ready(workers(service, api))} == kept
    assert outcome.is_explained()


def test_the_operator_restarted(service, api, load):
    with load("operator restarted") as outcome:
        restart_operator(api)
        # It works again when it has seen a change.
        service.ray_services.scale("cpu", Bounds(WORKERS, 4))
        service.wait_for_deployment(timeout_seconds=READY_SECONDS)
        until(lambda: is_whole(service, api), READY_SECONDS, "all is healthy")
    assert outcome.is_explained()
    service.ray_services.scale("cpu", Bounds(WORKERS, 3))


def test_from_one_worker_to_three_and_back(service, api, settings, load):
    """Requests in flight ask for more replicas, those for more pods; both go when the requests do.

    The short form begins with two workers, since it takes minutes until the second one is empty and goes.
    """
    least = 1 if is_full() else 2
    one = {"min_replicas": 1, "max_replicas": 1, "cpus": 0.1}
    # Each worker has a CPU for Ray, so each replica of this model needs a worker of its own.
    faq = {"min_replicas": 1, "max_replicas": 3, "cpus": 0.6, "max_concurrent_requests": 4, "max_queued_requests": 400}
    faq |= {"scale_down_delay_seconds": 10}
    changed(service, settings(groups=(least, 3), stage=one, faq=faq), "one of all")
    until(lambda: is_at_rest(service, api, least), READY_SECONDS, "no more workers than at the least")
    primary, _ = service.get_keys()
    more = Generator({"x-api-key": primary})
    with load(f"autoscaling from {least} to 3 workers and back") as outcome:
        many = more.closed(f"{service.url}/faq/score", question_payloads(None), clients=24, seconds=READY_SECONDS)
        until(lambda: len(ready(workers(service, api))) == 3, READY_SECONDS, "three workers are ready")
        more.end()
        asked = many.result()
        more.stop()
        until(lambda: is_at_rest(service, api, least), READY_SECONDS, "no more workers than at the least")
    assert [each.status for each in asked if each.status != 200] == []
    assert outcome.is_explained()
    if is_full():
        changed(service, settings(), "two of all again")


def test_a_new_image(service, api, settings, load, other_tag):
    """KubeRay makes a cluster beside the one that serves, and moves requests over when it is ready."""
    before = active(service)
    with load("upgrade to a new image (new cluster)") as outcome:
        how = changed(service, settings(tag=other_tag), "another image")
        until_gone(api, service, before)
    assert how.startswith("a new cluster beside the one that serves")
    assert tags_of(workers(service, api)) == {other_tag}
    assert outcome.is_explained()


def test_the_image_before_again(service, api, settings, load):
    if not is_full():
        pytest.skip("A second new cluster is only made by scripts/cluster-test --full.")
    before, tag = active(service), settings().image.tag
    assert tags_of(workers(service, api)) != {tag}
    with load("rollback of the image (new cluster)") as outcome:
        service.ray_services.roll_back()
        service.wait_for_deployment(timeout_seconds=READY_SECONDS)
        until_gone(api, service, before)
    service.settings = settings()
    assert tags_of(workers(service, api)) == {tag}
    assert outcome.is_explained()
