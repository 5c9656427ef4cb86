import json
from datetime import UTC, datetime, timedelta

import pytest

from cluster.doctor import probe
from cluster.doctor.endpoints import Endpoint
from cluster.doctor.findings import Outcome, Place, Stage
from cluster.doctor.hosts import Target
from cluster.doctor.inside import look_inside, running
from cluster.doctor.probe_pod import POD_SECONDS, PodSettings, pod

PODS = "/api/v1/namespaces/scoring/pods"
SETTINGS = PodSettings("scoring", "registry.test/scoring:1", {}, start_seconds=0)
TARGET = Target(Endpoint("weights.test", 443, tls=True), "weights", Stage.DEPLOY)
FOUND = [
    {"step": "done", "problem": "", "seconds": 0.01, "clock_ahead_seconds": 0.1},
    {"step": "tcp", "problem": "refused", "seconds": 0.02},
]


class Cluster:
    """The pods of a fake API server."""

    def __init__(self, status, log="", refusal=None, old=()):
        self.status, self.log, self.refusal = status, log, refusal
        self.deleted = []
        self.created = None
        self.old = list(old)

    def __getitem__(self, key):
        raise NotImplementedError

    def get(self, key, missing):
        if key == f"POST {PODS}":
            return self.refusal or self._create
        if key == PODS:
            return self.old
        if key.startswith(f"DELETE {PODS}/"):
            return lambda request: (self.deleted.append((request.path, request.body["gracePeriodSeconds"])), {})[1]
        if key.endswith("/log"):
            return self.log or missing
        if key.startswith(f"{PODS}/"):
            return {"metadata": {"name": "it", "namespace": "scoring"}, "status": self.status}
        return missing

    def _create(self, request):
        self.created = request.body
        return self.created


def look(fake_api, cluster, settings=SETTINGS):
    return look_inside(fake_api(cluster), settings, [TARGET], 1)


def test_what_the_pod_saw_becomes_results_and_the_pod_is_gone(fake_api):
    log = f"Starting\n{probe.MARK}{json.dumps({'found': FOUND})}\n"
    cluster = Cluster({"phase": "Succeeded"}, log)
    results = look(fake_api, cluster)
    assert [(each.name, each.finding.outcome) for each in results] == [
        ("pod", Outcome.OK),
        ("clock", Outcome.OK),
        ("host kubernetes.default.svc", Outcome.OK),
        ("host weights.test", Outcome.FAILED),
    ]
    assert {each.place for each in results} == {Place.INSIDE}
    assert cluster.deleted == [(f"{PODS}/{cluster.created['metadata']['name']}", 0)]


@pytest.mark.parametrize("told", ["no JSON", "{}", '{"found": 1}', '{"found": [1, 2]}', '{"found": []}'])
def test_a_result_that_is_none_is_told_of(fake_api, told):
    results = look(fake_api, Cluster({"phase": "Succeeded"}, f"{probe.MARK}{told}\n"))
    assert results[0].finding.message.startswith("the pod ran without a result: scoring-doctor:")


def waiting(reason, message=""):
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (waiting("ErrImagePull", "not\n found"), "cannot pull the image registry.test/scoring:1: not found"),
        (waiting("ErrImageNeverPull"), "cannot pull the image"),
        (waiting("CreateContainerError", "no"), "does not start: no"),
        ({"phase": "Pending", "conditions": [UNSCHEDULABLE]}, "no node takes the pod: 0/3 nodes"),
        ({"phase": "Pending"}, "has not run within 0 s"),
        ({"phase": "Failed", "reason": "DeadlineExceeded"}, "the pod was ended: DeadlineExceeded"),
        (
            {
                "phase": "Failed",
                "containerStatuses": [{"state": {"terminated": {"reason": "StartError", "message": "no python3"}}}],
            },
            "python3 does not start",
        ),
        ({"phase": "Succeeded"}, "not found"),
    ],
)
def test_why_the_pod_did_not_run_and_it_is_gone_all_the_same(fake_api, status, says):
    cluster = Cluster(status)
    results = look(fake_api, cluster)
    assert says in results[0].finding.message
    assert results[0].finding.outcome is Outcome.FAILED
    assert {each.finding.outcome for each in results[1:]} == {Outcome.SKIPPED}
    assert len(cluster.deleted) == 1


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ('pods is forbidden: User "me" cannot create resource', Outcome.WARNING),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', Outcome.FAILED),
        ('pods "x" is forbidden: exceeded quota: small', Outcome.FAILED),
    ],
)
def test_a_pod_that_is_not_let_in(fake_api, message, outcome):
    results = look(fake_api, Cluster({}, refusal=(403, message)))
    assert results[0].finding.outcome is outcome
    assert message in results[0].finding.message


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_the_pod_is_deleted_whatever_happens(fake_api, error):
    cluster = Cluster({})
    with pytest.raises(error), running(fake_api(cluster), SETTINGS, []):
        raise error
    assert len(cluster.deleted) == 1


def test_what_doctors_left_that_were_killed_is_deleted(fake_api):
    now = datetime.now(UTC)

    def left(name, seconds):
        created = (now - timedelta(seconds=seconds)).isoformat()
        return {"metadata": {"name": name, "creationTimestamp": created}}

    cluster = Cluster(waiting("ErrImagePull"), old=[left("old", POD_SECONDS + 60), left("of-another-doctor", 10)])
    look(fake_api, cluster)
    assert (f"{PODS}/old", 0) in cluster.deleted
    assert (f"{PODS}/of-another-doctor", 0) not in cluster.deleted


def test_the_pod_is_restricted_and_stands_where_the_head_would():
    like = {"nodeSelector": {"pool": "cpu"}, "containers": [{"imagePullPolicy": "Never"}], "volumes": ["not these"]}
    spec = pod(PodSettings("scoring", "image", like), [{"host": "a"}])["spec"]
    container = spec["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["activeDeadlineSeconds"] == POD_SECONDS
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert container["imagePullPolicy"] == "Never"
    assert spec["nodeSelector"] == {"pool": "cpu"}
    assert [each["name"] for each in spec["volumes"]] == ["ca"]
    assert container["command"][:2] == ["python3", "-c"]
