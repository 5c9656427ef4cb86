import io
import json

import pytest
from rich.console import Console

from cluster.doctor.examination import Plan, examine, explain
from cluster.doctor.findings import Outcome, Place, Result, Stage, failed, ok, warning
from cluster.doctor.report import as_json, is_well, show
from cluster.kubernetes.errors import KubernetesError, NotPermitted

RESULTS = [
    Result("API server", Stage.CREATE, Place.HERE, ok("it [answers]"), 0.1),
    Result("quota", Stage.DEPLOY, Place.HERE, warning("too small", "raise it"), 0.1234),
    Result("pod", Stage.DEPLOY, Place.INSIDE, failed("no image", "push it"), 2),
]


def test_the_table_says_everything_and_what_to_do():
    console = Console(width=200, record=True, file=io.StringIO())
    show(RESULTS, console)
    text = console.export_text()
    for part in (
        "create",
        "deploy",
        "inside",
        "it [answers]",
        "-> raise it",
        "-> push it",
        "1 ok, 1 warning, 1 failed",
    ):
        assert part in text


def test_json_and_the_exit_code():
    content = as_json(RESULTS)
    assert content["ok"] is False
    assert content["results"][1] == {
        "name": "quota",
        "stage": "deploy",
        "place": "here",
        "outcome": "warning",
        "message": "too small",
        "advice": "raise it",
        "seconds": 0.123,
    }
    assert json.loads(json.dumps(content)) == content
    assert is_well(RESULTS[:2])


def plan(build, **more):
    return Plan(
        build.rendered(build.ray_service({"models": [{"kind": "faq_matcher"}]})), "local", timeout_seconds=0.5, **more
    )


def test_without_the_api_server_what_needs_it_is_skipped_and_hosts_are_still_looked_at(build, fake_api):
    api = fake_api({})
    api.client.configuration.host = "https://api.invalid"
    results = examine(api, plan(build))
    by_name = {each.name: each.finding for each in results}
    assert by_name["API server"].outcome is Outcome.FAILED
    assert "name is not found" in by_name["API server"].message
    assert by_name["quota"].outcome is Outcome.SKIPPED
    assert by_name["host registry.test"].outcome in {Outcome.WARNING, Outcome.FAILED}
    assert "pod" not in by_name
    assert [each.stage for each in results] == sorted((each.stage for each in results), key=list(Stage).index)


def test_only_the_stages_that_are_asked_for(build, fake_api):
    results = examine(fake_api({}), plan(build, stages=(Stage.SERVE,), inside=False))
    assert {each.stage for each in results} <= {Stage.CREATE, Stage.SERVE}


def test_whether_the_pod_ran_is_told_for_every_stage(build, fake_api):
    there = {
        "/api/v1/namespaces/scoring": {"metadata": {}},
        "/api/v1/namespaces/scoring/pods": [],
        "POST /api/v1/namespaces/scoring/pods": (403, "no"),
        "POST /apis/authentication.k8s.io/v1/selfsubjectreviews": {"status": {"userInfo": {"username": "me"}}},
    }
    results = examine(fake_api(there), plan(build, stages=(Stage.SERVE,)))
    inside = {each.name: each for each in results if each.place is Place.INSIDE}
    assert list(inside) == ["pod"]
    assert "may not look from inside" in inside["pod"].finding.message


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(NotPermitted("no"), Outcome.WARNING), (KubernetesError("no"), Outcome.FAILED), (KeyError("x"), Outcome.FAILED)],
)
def test_what_a_check_raised_becomes_a_finding(error, outcome):
    assert explain(error).outcome is outcome
