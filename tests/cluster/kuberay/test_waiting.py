import copy
from dataclasses import replace
from itertools import count

import pytest

from cluster.kuberay.snapshot import Snapshot
from cluster.kuberay.states import State
from cluster.kuberay.views import Pod, RayService
from cluster.kuberay.waiting import BLIND_SECONDS, PATIENCE_SECONDS, NotReady, wait_until_ready
from cluster.kubernetes.errors import Unreachable

NOT_FOUND = {"reason": "ErrImagePull", "message": "registry.example.com/ray-scoring:1: not found"}


class Scripted:
    """A target whose states follow each other, a second apart; the last one stays."""

    def __init__(self, *snapshots):
        self.name, self.namespace = "faq", "ns"
        self.snapshots = snapshots
        self.reads = count()
        self.seconds = 0.0

    def read(self):
        return self.snapshots[min(next(self.reads), len(self.snapshots) - 1)]

    def until_changed(self, _snapshot):
        self.seconds += 1

    def clock(self):
        return self.seconds


@pytest.fixture
def at(ray_service, status):
    """Make a snapshot of a status and pods."""

    def make(told, *pods, generation=1):
        content = copy.deepcopy(ray_service) | {"status": told}
        content["metadata"]["generation"] = generation
        return Snapshot(RayService.model_validate(content), pods=tuple(Pod.model_validate(each) for each in pods))

    return make


def wait(target, seconds=100):
    shown = []
    return wait_until_ready(target, shown.append, seconds, target.clock), shown


def test_what_happens_is_told_once_until_it_is_ready(at, status, pod):
    starting = at(status("", "faq-abcde", ready=False, application=None), pod(waiting={"reason": "ContainerCreating"}))
    deploying = at(
        status("", "faq-abcde", ready=False, application="DEPLOYING", deployment="UPDATING"), pod(ready=True)
    )
    ready = at(status(), pod(ready=True))
    snapshot, shown = wait(Scripted(starting, starting, deploying, deploying, ready))
    assert snapshot == ready
    assert shown == [
        "head faq-abcde-head-x1: gets its image and volumes",
        "head faq-abcde-head-x1: ready",
        "application scoring: deploying (faq-1 updating)",
        "application scoring: running (faq-1 healthy)",
    ]


def test_healthy_must_last_since_kuberay_tells_of_a_change_before_ray_serve_begins_with_it(at, status, pod):
    before = at(status(observed=1), pod(ready=True), generation=2)
    seen = at(status(observed=2), pod(ready=True), generation=2)
    deploying = at(status(observed=2, application="DEPLOYING"), pod(ready=True), generation=2)
    target = Scripted(before, seen, seen, deploying, seen)
    snapshot, shown = wait(target)
    assert snapshot == seen
    assert target.seconds == 9
    assert "application scoring: deploying (faq-1 healthy)" in shown


def test_what_does_not_mend_itself_ends_the_waiting(at, status, pod):
    failing = at(status("", "faq-abcde", ready=False, application=None), pod(waiting=NOT_FOUND))
    target = Scripted(failing)
    with pytest.raises(NotReady, match=r"(?s)faq cannot become ready:\n- pod .*ray-scoring:1: not found") as error:
        wait(target)
    assert target.seconds == PATIENCE_SECONDS
    assert error.value.state is State.FAILED


def test_what_mends_itself_in_a_moment_does_not(at, status, pod):
    failing = at(status("", "faq-abcde", ready=False, application=None), pod(waiting=NOT_FOUND))
    snapshot, shown = wait(Scripted(failing, failing, at(status(), pod(ready=True))))
    assert snapshot.is_deploying is False
    assert [line for line in shown if line.startswith("! ")] != []


def test_a_time_out_names_the_cause(at, status, pod):
    lacking = pod(scheduled=False, message="0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: no")
    unschedulable = at(status("", "faq-abcde", ready=False, application=None), lacking)
    with pytest.raises(NotReady, match=r"(?s)was not ready in 30 seconds:\n- pod .* It asks for 1 GPUs") as error:
        wait(Scripted(unschedulable), 30)
    assert error.value.state is State.UNSCHEDULABLE


@pytest.mark.parametrize(
    ("words", "pods", "stage"),
    [
        ({}, [], "KubeRay has made no pod yet"),
        ({}, [{}], r"are not ready yet: faq-abcde-head-x1 \(head, running\)"),
        ({}, [{"ready": True}], "Ray Serve has not begun"),
        ({"application": "DEPLOYING"}, [{"ready": True}], "scoring is DEPLOYING"),
    ],
)
def test_a_time_out_without_a_cause_says_how_far_it_came(at, status, pod, *, words, pods, stage):
    told = status("", "faq-abcde", ready=False, **({"application": None} | words))
    with pytest.raises(NotReady, match=stage):
        wait(Scripted(at(told, *(pod(**each) for each in pods))), 5)


def test_of_a_failed_upgrade_it_is_said_that_the_old_version_serves(at, status, pod):
    failing = pod(cluster="faq-fghij", waiting=NOT_FOUND)
    with pytest.raises(NotReady, match="Requests are answered by the version before it"):
        wait(Scripted(at(status("faq-abcde", "faq-fghij", application=None), pod(ready=True), failing)))


def test_who_deletes_it_meanwhile_ends_the_waiting(at, status, pod):
    with pytest.raises(NotReady, match="no RayService faq in ns any more"):
        wait(Scripted(at(status("", ready=False, application=None)), None))


def test_an_upgrade_is_told_with_its_share_of_the_traffic(at, status, pod):
    told = status("faq-abcde", "faq-fghij")
    told["pendingServiceStatus"]["trafficRoutedPercent"] = 20
    _, shown = wait(Scripted(at(told), at(status("faq-fghij"))))
    assert shown[0] == (
        "RayService faq: a new cluster faq-fghij takes over from faq-abcde, 20 % of the requests go to it"
    )


def test_snapshots_are_values(at, status):
    assert replace(at(status())) == at(status())


class Silent(Scripted):
    """A target of which nothing is heard for some looks."""

    def __init__(self, looks, snapshot):
        super().__init__(snapshot)
        self.looks = looks

    def read(self):
        if next(self.reads) < self.looks:
            raise Unreachable("The cluster cannot be reached: connection refused.")
        return self.snapshots[0]


def test_an_api_server_that_is_silent_for_a_while_does_not_end_the_waiting(at, status, pod):
    ready = at(status(), pod(ready=True))
    assert wait(Silent(int(BLIND_SECONDS), ready))[0] == ready
    with pytest.raises(Unreachable):
        wait(Silent(1000, ready))
