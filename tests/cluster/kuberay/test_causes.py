import pytest

from cluster.kuberay.causes import CauseKind
from cluster.kuberay.service_causes import causes
from cluster.kuberay.states import State, serves, state

HEAD = "faq-abcde-head-x1"
NO_CPU = (
    "0/3 nodes are available: 1 Insufficient memory, 3 Insufficient cpu. no new claims to deallocate, preemption: "
    "0/3 nodes are available: 3 No preemption victims found for incoming pod."
)
NO_GPU = (
    "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available: 1 Preemption is not "
    "helpful for scheduling."
)
TAINTED = (
    "0/2 nodes are available: 2 node(s) had untolerated taint(s). preemption: 0/2 nodes are available: 2 Preemption is "
    "not helpful for scheduling."
)
NO_IMAGE = (
    'failed to pull and unpack image "registry.example.com/ray-scoring:1": failed to resolve reference '
    '"registry.example.com/ray-scoring:1": registry.example.com/ray-scoring:1: not found'
)
NO_RIGHT = (
    "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
    "https://registry.example.com/oauth2/token: 401 Unauthorized"
)
UNREACHABLE = (
    'failed to do request: Head "https://registry.example.com/v2/": dial tcp: lookup registry.example.com: i/o timeout'
)


@pytest.fixture
def cause(snapshot, status):
    """Return the one cause of a first deployment with these objects."""

    def find(*objects, **words):
        found = causes(snapshot(status("", "faq-abcde", ready=False, application=None, **words), *objects))
        assert len(found) == 1, found
        return found[0]

    return find


@pytest.mark.parametrize(
    ("message", "problem", "advice"),
    [
        (
            NO_CPU,
            "no node takes it (0 of 3): 1 Insufficient memory, 3 Insufficient cpu",
            "It asks for 16Gi memory, 8 cores: ask for less",
        ),
        (NO_GPU, "no node takes it (0 of 1): 1 Insufficient nvidia.com/gpu", "It asks for 1 GPUs"),
        (TAINTED, "2 node(s) had untolerated taint(s)", "tolerate the taint"),
        ("something new", "something new", "Ask for less"),
        ("", "no node takes it", "Ask for less"),
    ],
)
def test_a_pod_that_no_node_takes_says_what_is_missing(cause, pod, message, problem, advice):
    found = cause(pod(scheduled=False, message=message))
    assert found.kind is CauseKind.UNSCHEDULABLE
    assert found.subject == f"pod {HEAD} (head)"
    assert problem in found.problem
    assert advice in found.advice
    assert not found.is_final


def test_the_autoscaler_of_nodes_decides_whether_waiting_helps(cause, pod, event):
    waiting = pod(scheduled=False, message=NO_CPU)
    refused = event(HEAD, "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached")
    found = cause(waiting, refused)
    assert found.is_final
    assert "max node group size reached" in found.problem
    found = cause(waiting, refused, event(HEAD, "TriggeredScaleUp", "pod triggered scale-up: [{gpu 1->2 (max: 3)}]"))
    assert not found.is_final
    assert found.advice == "A node is being added: pod triggered scale-up: [{gpu 1->2 (max: 3)}]"


@pytest.mark.parametrize(
    ("reason", "message", "said", "is_final", "advice"),
    [
        ("ErrImagePull", NO_IMAGE, "not found", True, "scoring cluster image"),
        ("ErrImagePull", NO_RIGHT, "401 Unauthorized", False, "pull_secrets"),
        ("ErrImagePull", UNREACHABLE, "i/o timeout", False, "scoring cluster image"),
        ("InvalidImageName", "couldn't parse image", "couldn't parse image", True, "image.repository"),
        ("ErrImageNeverPull", "", "pull_policy is Never", True, "Load it into every node"),
    ],
)
def test_an_image_that_cannot_be_had_is_named(cause, pod, *, reason, message, said, is_final, advice):
    found = cause(pod(waiting={"reason": reason, "message": message}, phase="Pending"))
    assert found.kind is CauseKind.IMAGE
    assert "registry.example.com/ray-scoring:1" in found.problem
    assert said in found.problem
    assert found.is_final is is_final
    assert advice in found.advice


def test_an_image_that_is_waited_for_has_the_reason_of_the_event_before(cause, pod, event):
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    failed = event(HEAD, "Failed", f'Failed to pull image "registry.example.com/ray-scoring:1": {NO_IMAGE}')
    found = cause(pod(waiting=waiting, phase="Pending"), failed, event(HEAD, "Failed", "Error: ImagePullBackOff"))
    assert found.problem.endswith("cannot be pulled: registry.example.com/ray-scoring:1: not found")
    assert found.is_final


def test_a_crash_shows_the_last_lines(cause, pod, server):
    server.logs[HEAD, "ray-head", "before"] = "starting\nModuleNotFoundError: No module named 'ray'\n"
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    found = cause(pod(restarts=2, waiting={"reason": "CrashLoopBackOff", "message": "back-off 20s"}, last=ended))
    assert (found.kind, found.is_final) == (CauseKind.CRASH, True)
    assert found.problem == "it ended with exit code 1, 2 times"
    assert found.lines == ("starting", "ModuleNotFoundError: No module named 'ray'")
    assert str(found).endswith("Its last lines:\n  | starting\n  | ModuleNotFoundError: No module named 'ray'")


def test_a_first_crash_may_mend_itself_and_has_the_lines_of_this_run(cause, pod, server):
    server.logs[HEAD, "ray-head"] = "out of file descriptors"
    found = cause(pod(terminated={"exitCode": 1}))
    assert not found.is_final
    assert found.lines == ("out of file descriptors",)


def test_a_crash_without_lines_shows_what_the_runtime_says(cause, pod):
    said = 'exec: "ray": executable file not found in $PATH'
    found = cause(pod(terminated={"exitCode": 128, "reason": "StartError", "message": said}))
    assert found.problem == f"it ended with exit code 128 ({said})"


def test_too_little_memory_is_told_apart_from_a_crash(cause, pod):
    found = cause(pod(restarts=1, last={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}))
    assert found.kind is CauseKind.MEMORY
    assert "memory" in found.problem


def test_a_missing_secret_is_named_whether_a_variable_or_a_volume_needs_it(cause, pod, event):
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "faq-redis" not found'}
    found = cause(pod(waiting=waiting, phase="Pending"))
    assert (found.kind, found.problem) == (CauseKind.MISSING, 'secret "faq-redis" not found')
    mount = event(HEAD, "FailedMount", 'MountVolume.SetUp failed for volume "keys" : secret "faq-keys" not found')
    found = cause(pod(waiting={"reason": "ContainerCreating"}, phase="Pending"), mount)
    assert found.kind is CauseKind.MISSING
    assert 'secret "faq-keys" not found' in found.problem
    assert "namespace" in found.advice


def test_a_pod_that_runs_and_is_not_ready_has_what_its_probe_says(cause, pod, event):
    about = "faq-abcde-worker-x1"
    readiness = event(about, "Unhealthy", "Readiness probe failed: timeout")
    found = cause(pod("worker"), readiness, event(about, "Unhealthy", "Liveness probe failed: timeout"))
    assert found.kind is CauseKind.NOT_READY
    assert found.subject == "pod faq-abcde-worker-x1 (worker of cpu)"
    assert found.problem == "it runs and is not ready: Readiness probe failed: timeout"


def test_probes_that_fail_and_volumes_that_are_late_while_a_pod_starts_are_no_causes(snapshot, status, pod, event):
    starting = pod(running={"startedAt": "2025-12-31T23:59:50Z"})
    mounting = pod("worker", waiting={"reason": "ContainerCreating"})
    late = event("faq-abcde-worker-x1", "FailedMount", "failed to sync secret cache: timed out waiting")
    events = [event(HEAD, "Unhealthy", "Readiness probe failed: connection refused"), {**late, "count": 1}]
    taken = snapshot(status("", "faq-abcde", ready=False, application=None), starting, mounting, *events)
    assert causes(taken) == []


def test_an_evicted_pod_says_why(cause, pod):
    evicted = pod(phase="Failed")
    evicted["status"] |= {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
    assert "low on resource" in cause(evicted).problem


def test_pods_that_the_namespace_refuses_are_told_of(cause, ray_cluster, server, event):
    message = (
        'Failed to create head Pod ns/, pods "faq-abcde-head-7k" is forbidden: violates PodSecurity '
        '"restricted:latest": runAsNonRoot != true'
    )
    found = cause(event("faq-abcde", "FailedToCreateHeadPod", message, kind="RayCluster"))
    assert found.kind is CauseKind.REFUSED
    assert found.problem.startswith('no pod can be made: pods "faq-abcde-head-7k" is forbidden: violates PodSecurity')


def test_what_kuberay_refuses_is_final(snapshot, status):
    refused = status("", ready=False, reason="ValidationFailed", why="The RayService spec is invalid: no head")
    taken = snapshot(refused, clusters=())
    [found] = causes(taken)
    assert (found.kind, found.is_final) == (CauseKind.INVALID, True)
    assert "no head" in found.problem
    assert state(taken, [found]) is State.FAILED


def test_without_an_operator_nothing_happens_and_that_is_said(snapshot):
    taken = snapshot({}, clusters=())
    [found] = causes(taken)
    assert found.kind is CauseKind.NO_OPERATOR
    assert "operator" in found.advice
    assert state(taken, [found]) is State.TRANSITIONING


def test_an_application_that_does_not_start_has_the_sentence_for_people(snapshot, status, pod):
    trace = (
        "The deployment failed to start 3 times in a row. See https://... Error:\nray::ServeReplica.initialize()\n"
        '  File "x.py", line 1, in f\ndeployments.errors.StartupError: There is no model in /models/faq.\n'
    )
    failed = status("", "faq-abcde", ready=False, application="DEPLOY_FAILED", deployment="UNHEALTHY", message=trace)
    taken = snapshot(failed, pod(ready=True))
    [found] = causes(taken)
    assert (found.kind, found.is_final) == (CauseKind.APPLICATION, True)
    assert found.subject == "application scoring"
    assert found.problem == "it does not start (deployment faq-1): There is no model in /models/faq."
    assert "rollback" in found.advice
    assert state(taken, [found]) is State.FAILED


def test_a_replica_that_could_not_start_is_told_of_before_ray_serve_gives_up(snapshot, status):
    message = "deployments.errors.StartupError: There is no model in /models/faq.\n"
    for clusters in (("", "faq-abcde"), ("faq-abcde",)):
        taken = snapshot(status(*clusters, application="DEPLOYING", deployment="UPDATING", message=message))
        [found] = causes(taken)
        assert found.is_final
        assert state(taken, [found]) is State.FAILED


def test_a_config_that_ray_serve_does_not_take_is_told_of(snapshot, status, pod, event):
    refused = event(
        "faq", "FailedToUpdateServeApplications",
        "Failed to update serve applications to the RayCluster ns/faq-abcde: UpdateDeployments fail: 400 Bad Request "
        "1 validation error for ServeDeploySchema", kind="RayService",
    )  # fmt: skip
    taken = snapshot(status("", "faq-abcde", ready=False, application=None), pod(ready=True), refused)
    [found] = causes(taken)
    assert found.problem.startswith("it does not take the config: UpdateDeployments fail: 400 Bad Request 1 validation")
    assert causes(snapshot(status("faq-abcde", "faq-fghij", application=None), pod(ready=True), refused)) == []


def test_a_dashboard_that_is_not_up_yet_is_no_cause(snapshot, status, pod, event):
    early = event(
        "faq", "FailedToUpdateServeApplications",
        "Failed to update serve applications to the RayCluster ns/faq-abcde: dial tcp 10.0.0.1:8265: connect: "
        "connection refused", kind="RayService",
    )  # fmt: skip
    assert causes(snapshot(status("", "faq-abcde", ready=False, application=None), pod(ready=True), early)) == []


def test_of_an_upgrade_only_the_new_cluster_counts_and_the_old_one_serves(snapshot, status, pod):
    broken = pod(cluster="faq-fghij", waiting={"reason": "ErrImagePull", "message": NO_IMAGE}, phase="Pending")
    taken = snapshot(
        status("faq-abcde", "faq-fghij", application=None, observed=2), pod(ready=True), broken,
        clusters=("faq-abcde", "faq-fghij"),
    )  # fmt: skip
    [found] = causes(taken)
    assert found.subject == "pod faq-fghij-head-x1 (head)"
    assert state(taken, [found]) is State.FAILED
    assert serves(taken)


def test_the_same_problem_of_many_pods_is_told_once(snapshot, status, pod):
    pods = [pod(role, waiting={"reason": "ErrImagePull", "message": NO_IMAGE}) for role in ("worker", "head")]
    [found] = causes(snapshot(status("", "faq-abcde", ready=False, application=None), *pods))
    assert found.subject == f"pod {HEAD} (head)"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, State.HEALTHY),
        ({"ready": False}, State.UNHEALTHY),
        ({"application": "UNHEALTHY"}, State.UNHEALTHY),
        ({"application": "DEPLOY_FAILED"}, State.FAILED),
        ({"application": "DEPLOYING"}, State.TRANSITIONING),
        ({"observed": 0}, State.TRANSITIONING),
        ({"pending": "faq-fghij"}, State.TRANSITIONING),
    ],
)
def test_the_state_of_what_serves(snapshot, status, pod, words, expected):
    taken = snapshot(status(**words), pod(ready=True), pod("worker", ready=True))
    assert state(taken, causes(taken)) is expected


def test_a_pod_that_the_autoscaler_cannot_add_makes_a_healthy_service_no_other(snapshot, status, pod):
    taken = snapshot(status(), pod(ready=True), pod("worker", scheduled=False, message=NO_CPU))
    found = causes(taken)
    assert [each.kind for each in found] == [CauseKind.UNSCHEDULABLE]
    assert state(taken, found) is State.HEALTHY


def test_a_change_that_needs_a_pod_which_no_node_takes_is_unschedulable(snapshot, status, pod):
    pods = pod(ready=True), pod("worker", scheduled=False, message=NO_CPU)
    taken = snapshot(status(application="DEPLOYING"), *pods)
    assert state(taken, causes(taken)) is State.UNSCHEDULABLE


def test_a_first_deployment_that_no_node_takes_is_unschedulable(snapshot, status, pod):
    taken = snapshot(status("", "faq-abcde", ready=False, application=None), pod(scheduled=False, message=NO_GPU))
    assert state(taken, causes(taken)) is State.UNSCHEDULABLE
