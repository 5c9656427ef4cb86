import time

import pytest

from cluster.doctor.connections import CLOCK_FAILS_SECONDS, DAY, clock_finding, finding_of
from cluster.doctor.endpoints import Endpoint
from cluster.doctor.findings import Outcome, Stage
from cluster.doctor.hosts import Target

TARGET = Target(Endpoint("weights.test", 443, tls=True), "weights", Stage.DEPLOY)


def found(step="done", problem="", **more):
    return {"step": step, "problem": problem, "seconds": 0.012, **more}


@pytest.mark.parametrize(
    ("step", "says"),
    [("dns", "DNS server"), ("tcp", "Open port 443"), ("tls", "certificate"), ("proxy", "HTTPS_PROXY")],
)
def test_each_step_has_its_advice(step, says):
    finding = finding_of(TARGET, found(step, "why not"), "the cluster")
    assert finding.outcome is Outcome.FAILED
    assert "weights, port 443" in finding.message
    assert "why not" in finding.message
    assert says in finding.advice
    assert "{" not in finding.advice


def test_what_is_not_needed_from_there_only_warns():
    assert finding_of(TARGET, found("tcp", "no"), "here", decisive=False).outcome is Outcome.WARNING
    spare = Target(TARGET.endpoint, "telemetry", Stage.SERVE, needed=False)
    assert finding_of(spare, found("tcp", "no"), "here").outcome is Outcome.WARNING


def test_a_certificate_that_ends_soon_warns():
    soon = finding_of(TARGET, found(certificate_ends=time.time() + 3 * DAY), "here")
    assert soon.outcome is Outcome.WARNING
    assert "ends in 3 days" in soon.message
    assert finding_of(TARGET, found(certificate_ends=time.time() + 90 * DAY), "here").outcome is Outcome.OK


@pytest.mark.parametrize(
    ("ahead", "outcome", "says"),
    [
        (0.4, Outcome.OK, "agree"),
        (-0.4, Outcome.OK, "agree"),
        (20, Outcome.WARNING, "20 s ahead of"),
        (-CLOCK_FAILS_SECONDS, Outcome.FAILED, "60 s behind"),
    ],
)
def test_clocks(ahead, outcome, says):
    finding = clock_finding(found(clock_ahead_seconds=ahead), "this machine's clock")
    assert (finding.outcome, says in finding.message) == (outcome, True)


def test_clocks_that_could_not_be_compared():
    assert clock_finding(found("tcp", "refused"), "it").outcome is Outcome.WARNING
