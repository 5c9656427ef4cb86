import json

import pytest
from typer.testing import CliRunner

from cluster.commands import app
from deployments.errors import StartupError


@pytest.fixture
def scoring(api, ray_service, tmp_path, monkeypatch):
    """Run `scoring cluster`; gives what it printed, without colours."""
    path = tmp_path / "cluster.yaml"
    path.write_text("name: faq\nnamespace: ns\napplication: serve.yaml\nimage: {tag: '1'}\n")
    monkeypatch.setattr("cluster.web_service.connect", lambda context: api)

    def objects(settings):
        pod = ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
        pod["containers"][0]["image"] = f"ray-scoring:{settings.image.tag}"
        pod["volumes"] = [{"name": "keys", "secret": {"secretName": "faq-keys"}}]
        return [ray_service]

    monkeypatch.setattr("cluster.web_service.objects", objects)

    def run(command, *arguments, code=0, refused=False):
        result = CliRunner().invoke(app, [command, str(path), *arguments], catch_exceptions=refused)
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def deployed(scoring, server, ray_cluster, status, pod):
    """Have KubeRay have made everything of a deployment."""
    scoring("deploy", "--no-wait")
    service = server.of("RayService")[0]
    server.add(service, **status(observed=service["metadata"]["generation"]))
    server.add(ray_cluster)
    server.add(pod(ready=True))
    server.add(pod("worker", ready=True))


def test_a_first_deployment_shows_keys_once(scoring):
    shown = scoring("deploy", "--no-wait")
    assert "primary    scoring_" in shown
    assert "Keep them now: only hashes are stored." in shown
    assert "applied as revision 1: a new RayService" in shown
    shown = scoring("deploy", "--no-wait")
    assert "scoring_" not in shown
    assert "applied as revision 1: nothing" in shown


def test_a_dry_run_changes_nothing(scoring, server):
    assert scoring("deploy", "--dry-run") == "RayService faq: accepted\n"
    assert all(query.get("dryRun") == "All" for method, _, query in server.requests if method == "PATCH")
    assert server.of("Secret") == []


def test_keys_are_shown_although_what_comes_after_them_is_refused(scoring, server):
    server.refusals["PATCH", "/apis/ray.io/v1/namespaces/ns/rayservices/faq"] = (422, "spec is wrong")
    shown = scoring("deploy", "--no-wait", code=1, refused=True)
    assert "primary    scoring_" in shown
    assert "applied" not in shown


def test_what_only_an_administrator_may_change_is_told_of(scoring, server, ray_service, monkeypatch):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "faq", "namespace": "ns"}}
    monkeypatch.setattr("cluster.web_service.objects", lambda settings: [account, ray_service])
    server.refusals["PATCH", "/api/v1/namespaces/ns/serviceaccounts/faq"] = (403, "no")
    server.add(account)
    line = "left as an administrator made it, since you may not change it: ServiceAccount faq"
    assert line in scoring("deploy", "--no-wait")
    assert scoring("deploy", "--dry-run") == f"RayService faq: accepted\n{line}\n"


def test_waiting_ends_with_the_address_and_a_failure_with_its_cause(scoring, deployed, server, status):
    server.add(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "faq-serve-svc", "namespace": "ns"}}
        | {"spec": {"clusterIP": "10.0.0.7", "ports": [{"name": "serve", "port": 8000}]}}
    )
    assert scoring("deploy").endswith("Ready: http://10.0.0.7:8000\n")
    server.add(server.of("RayService")[0], **status(application="UNHEALTHY", said="no replica"))
    with pytest.raises(StartupError, match=r"(?s)was not ready in 1 seconds.*it is unhealthy: .*no replica"):
        scoring("deploy", "--timeout", "1")


def test_the_status_of_a_healthy_service(scoring, deployed):
    shown = scoring("status")
    assert shown.startswith("faq: Healthy, requests are answered\n")
    assert "faq-abcde-worker-x1  worker of cpu  serves   ready" in shown
    assert "application scoring: running (faq-1 healthy)" in shown
    assert "deploy, ray-scoring:1" in shown


def test_the_status_of_another_says_why_and_fails(scoring, deployed, server, status, pod):
    server.add(server.of("RayService")[0], **status("faq-abcde", "faq-fghij", application=None, observed=9))
    server.add(
        server.of("RayCluster")[0] | {"metadata": server.of("RayCluster")[0]["metadata"] | {"name": "faq-fghij"}}
    )
    server.add(pod(cluster="faq-fghij", waiting={"reason": "ErrImageNeverPull"}))
    shown = scoring("status", code=1)
    assert shown.startswith("faq: Failed, requests are answered\npod faq-fghij-head-x1 (head): the image")
    assert "is to come" in shown
    described = json.loads(scoring("status", "--json", code=1))
    assert (described["state"], described["serves"]) == ("Failed", True)
    assert described["clusters"] == {"active": "faq-abcde", "pending": "faq-fghij"}
    assert [each["kind"] for each in described["causes"]] == ["image"]


def test_logs_of_some_pods(scoring, deployed, server):
    server.logs["faq-abcde-head-x1", "ray-head"] = "[red]started\n"
    server.logs["faq-abcde-head-x1", "ray-head", "before"] = "ended\n"
    server.logs["faq-abcde-worker-x1", "ray-worker"] = "joined\n"
    assert scoring("logs", "--pod", "head") == "==> faq-abcde-head-x1 (head) ray-head <==\n[red]started\n"
    assert scoring("logs", "--pod", "head", "--previous").endswith("ended\n")
    assert "joined" in scoring("logs")
    assert scoring("logs", "--pod", "worker of cpu", "--follow") == "joined\n"
    with pytest.raises(StartupError, match="no pod that matches other"):
        scoring("logs", "--pod", "other")
    with pytest.raises(StartupError, match="name it with --pod: faq-abcde-head-x1, faq-abcde-worker-x1"):
        scoring("logs", "--follow")


def test_an_update_takes_another_image_and_a_rollback_the_one_before(scoring, deployed):
    shown = scoring("update", "--tag", "2", "--no-wait")
    assert "applied as revision 2: a new cluster beside the one that serves" in shown
    listed = scoring("rollback", "--list")
    assert [line.split()[0] for line in listed.splitlines()] == ["Revision", "2", "1"]
    assert "update to the image 2  ray-scoring:2" in listed
    assert "applied as revision 3: a new cluster" in scoring("rollback", "--no-wait")
    assert "ray-scoring:1" in scoring("rollback", "--list").splitlines()[1]


def test_what_is_not_deployed_is_not_updated(scoring):
    with pytest.raises(StartupError, match="`scoring cluster deploy` makes it"):
        scoring("update")


def test_groups_are_scaled_at_once(scoring, deployed, server):
    shown = scoring("scale", "cpu", "--min", "2", "--max", "4")
    assert "Revision 2: the number of pods; faq-abcde: cpu minReplicas 2, maxReplicas 4" in shown
    assert server.of("RayCluster")[0]["spec"]["workerGroupSpecs"][0]["minReplicas"] == 2


def test_deleting_asks_first(scoring, server):
    scoring("deploy", "--no-wait")
    scoring("delete", code=1)
    assert server.of("RayService") != []
    assert scoring("delete", "--yes", "--keys") == "faq is deleted.\n"
    assert server.objects == {}
