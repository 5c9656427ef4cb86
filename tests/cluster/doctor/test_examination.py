import json
import socket

import httpx
import pytest
from rich.console import Console

from cluster.doctor.api import ApiError, ClusterApi, Server, connect
from cluster.doctor.examination import Plan, examine, explain
from cluster.doctor.findings import Outcome, Place, Result, Stage, failed, ok, warning
from cluster.doctor.report import as_json, is_well, show
from deployments.errors import StartupError

RESULTS = [
    Result("API server", Stage.CREATE, Place.HERE, ok("it [answers]"), 0.1),
    Result("quota", Stage.DEPLOY, Place.HERE, warning("too small", "raise it"), 0.1234),
    Result("pod", Stage.DEPLOY, Place.INSIDE, failed("no image", "push it"), 2),
]


def test_the_table_says_everything_and_what_to_do():
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
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


def test_without_the_api_server_what_needs_it_is_skipped_and_hosts_are_still_looked_at(build):
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    client = httpx.Client(base_url="https://api.invalid", transport=httpx.MockTransport(refuse))
    results = examine(ClusterApi(Server("https://api.invalid"), client), plan(build))
    by_name = {each.name: each.finding for each in results}
    assert by_name["API server"].outcome is Outcome.FAILED
    assert "name is not found" in by_name["API server"].message
    assert by_name["quota"].outcome is Outcome.SKIPPED
    assert by_name["host registry.test"].outcome in {Outcome.WARNING, Outcome.FAILED}
    assert "pod" not in by_name
    assert [each.stage for each in results] == sorted((each.stage for each in results), key=list(Stage).index)


def test_only_the_stages_that_are_asked_for(build, fake_api):
    results = examine(fake_api({}).api, plan(build, stages=(Stage.SERVE,), inside=False))
    assert {each.stage for each in results} <= {Stage.CREATE, Stage.SERVE}


def test_whether_the_pod_ran_is_told_for_every_stage(build, fake_api):
    there = {
        "/api/v1/namespaces/scoring": {"metadata": {}},
        "/api/v1/namespaces/scoring/pods": [],
        "POST /api/v1/namespaces/scoring/pods": (403, "no"),
        "POST /apis/authentication.k8s.io/v1/selfsubjectreviews": {"status": {"userInfo": {"username": "me"}}},
    }
    api = fake_api(there).api
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # A port that listens, since the API server's own connection is tried, too.
        reached = ClusterApi(Server(f"http://127.0.0.1:{listener.getsockname()[1]}"), api._client)
        results = examine(reached, plan(build, stages=(Stage.SERVE,)))
    inside = {each.name: each for each in results if each.place is Place.INSIDE}
    assert list(inside) == ["pod"]
    assert "may not look from inside" in inside["pod"].finding.message


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ApiError(403, "no"), Outcome.WARNING), (ApiError(0, "no"), Outcome.FAILED), (KeyError("x"), Outcome.FAILED)],
)
def test_what_a_check_raised_becomes_a_finding(error, outcome):
    assert explain(error).outcome is outcome


def test_pages_of_a_list_are_put_together(fake_api):
    def page(request):
        if request.url.params.get("continue") == "next":
            return {"items": [2], "metadata": {}}
        return {"items": [1], "metadata": {"continue": "next"}}

    assert fake_api({"/api/v1/nodes": page}).api.items("/api/v1/nodes") == [1, 2]


def test_what_is_no_api_server_is_told_so(fake_api):
    with pytest.raises(ApiError, match="no Kubernetes API server"):
        fake_api({"/version": "<html>"}).api.get("/version")


def test_a_kubeconfig_that_is_not_there(tmp_path):
    with pytest.raises(StartupError, match="The kubeconfig cannot be used"):
        connect(tmp_path / "none", None, 1)


def test_a_kubeconfig_with_a_token(tmp_path):
    file = tmp_path / "config"
    cluster = {"name": "c", "cluster": {"server": "https://api.test:6443", "tls-server-name": "name.test"}}
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "a",
                "clusters": [cluster],
                "users": [{"name": "u", "user": {"token": "t0ken"}}],
                "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    api = connect(file, None, 1)
    assert api.server == Server("https://api.test:6443", server_name="name.test")
    assert api._client.headers["authorization"] == "Bearer t0ken"
    with pytest.raises(StartupError, match="cannot be used"):
        connect(file, "other", 1)
