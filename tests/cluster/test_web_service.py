import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cluster.kuberay.states import State
from cluster.kuberay.waiting import NotReady
from cluster.kubernetes.kinds import Kind
from cluster.settings import read_settings
from cluster.web_address import host_of, service_address
from cluster.web_service import WebService
from deployments.errors import StartupError
from serve_app.client import Unauthenticated

APPLICATION = """
applications:
  - name: scoring
    route_prefix: /
    import_path: serve_app.app:build
    deployments:
      - name: ingress
        user_config: {models: [{kind: faq_matcher, name: help}]}
"""


@pytest.fixture
def write(tmp_path):
    """Write a file of settings."""
    (tmp_path / "serve.yaml").write_text(APPLICATION)

    def settings(**web_service):
        path = tmp_path / "cluster.yaml"
        path.write_text(f"name: faq\nnamespace: ns\napplication: serve.yaml\nweb_service: {web_service}\n")
        return path

    return settings


@pytest.fixture
def service(api, write, ray_service, monkeypatch):
    """Make a web service whose objects are one RayService that wants keys."""
    volumes = [{"name": "keys", "secret": {"secretName": "faq-keys"}}]
    ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["volumes"] = volumes
    monkeypatch.setattr("cluster.web_service.objects", lambda settings: [ray_service])

    def make(*, url=None, credentials=None, **web_service):
        return WebService(read_settings(write(**web_service)), api=api, url=url, credentials=credentials)

    return make


@contextmanager
def scoring(answers):
    """Answer as a scoring service does; gives its address and what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, self.headers.get("authorization"), self.headers["content-type"], body))
            status, content = answers[self.path]
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_deploying_makes_keys_once_and_notes_tags(service, server, api):
    first = service(tags={"team": "faq"}, description="Questions")
    first.apply("deploy")
    assert first.new_keys.primary.startswith("scoring_")
    assert first.tags == {"team": "faq"}
    patched = [path.rpartition("/")[2] for method, path, _ in server.requests if method in {"POST", "PATCH"}]
    assert patched.index("secrets") < patched.index("faq")
    again = service(tags={"stage": "test"})
    again.apply("deploy")
    assert again.new_keys is None
    assert again.tags == {"team": "faq", "stage": "test"}
    managers = {query.get("fieldManager") for method, _, query in server.requests if method == "PATCH"}
    assert managers == {"ray-scoring", "ray-scoring-tags"}


def test_a_service_that_needs_no_keys_or_has_them_in_a_vault_gets_none(service, ray_service, server):
    del ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["volumes"]
    service().apply("deploy")
    assert [each["metadata"]["name"] for each in server.of("Secret")] == ["faq-revision-1"]


def test_deploy_does_not_overwrite_unless_it_may(service, api, write, ray_service):
    made = WebService.deploy(write(), api=api)
    assert made.name == "faq"
    WebService.deploy(write(), api=api)
    with pytest.raises(StartupError, match="a web service faq already"):
        WebService.deploy(write(), overwrite=False, api=api)


def test_tags_change_and_properties_stay(service):
    made = service()
    made.apply("deploy")
    made.update(add_tags={"a": "1", "b": "2"}, add_properties={"run": "7"}, description="d")
    made.update(remove_tags=["a"])
    assert (made.tags, made.properties) == ({"b": "2"}, {"run": "7"})
    with pytest.raises(StartupError, match="property run is '7' and cannot change"):
        made.update(add_properties={"run": "8"})


def test_what_is_not_deployed_cannot_be_updated_and_has_no_state(service):
    with pytest.raises(StartupError, match="`scoring cluster deploy` makes it"):
        service().update(add_tags={})
    with pytest.raises(StartupError, match="There is no RayService faq"):
        _ = service().state


def test_other_settings_must_be_of_the_same_service(service, tmp_path):
    made = service()
    made.apply("deploy")
    other = tmp_path / "other.yaml"
    other.write_text("name: other\nnamespace: ns\napplication: serve.yaml\n")
    with pytest.raises(StartupError, match="of ns/other, not of faq"):
        made.update(other)


def test_state_and_error_are_those_of_the_cluster(service, snapshot, status, pod):
    snapshot(status(application="UNHEALTHY", said="deployment faq-1 is unhealthy"), pod(ready=True))
    assert service().state is State.UNHEALTHY
    assert service().error.startswith("application scoring: it is unhealthy")


def test_waiting_prints_what_happens_only_if_asked(service, snapshot, status, pod, capsys):
    snapshot(status("", ready=False, reason="ValidationFailed", why="no head"), clusters=())
    with pytest.raises(NotReady, match="was not ready in 0 seconds:\n- RayService faq: KubeRay refuses it: no head"):
        service().wait_for_deployment(timeout_seconds=0.1)
    assert capsys.readouterr().out == ""
    with pytest.raises(NotReady):
        service().wait_for_deployment(show_output=True, timeout_seconds=0.1)
    assert "s  ! RayService faq: KubeRay refuses it: no head" in capsys.readouterr().out


def test_logs_are_of_every_container(service, snapshot, status, pod, server):
    server.logs["faq-abcde-head-x1", "ray-head"] = "started\n"
    snapshot(status(), pod(), pod("worker"))
    assert service().get_logs() == "==> faq-abcde-head-x1 ray-head <==\nstarted"


def test_a_body_is_scored_with_the_kept_key_by_the_routes_of_azure_machine_learning(service):
    made = service(keep_keys=True)
    made.apply("deploy")
    with scoring({"/api/v1/service/help/score": (200, b'{"result": [1]}')}) as (url, asked):
        asking = service(keep_keys=True, url=url)
        assert asking.run('{"data": ["port"]}') == {"result": [1]}
        assert asking.scoring_uri == f"{url}/api/v1/service/help/score"
        assert asking.swagger_uri == f"{url}/api/v1/service/help/swagger.json"
        assert asking.run(b"image", media_type="image/png") == {"result": [1]}
    primary = f"Bearer {made.get_keys()[0]}"
    path = "/api/v1/service/help/score"
    assert asked == [
        (path, primary, "application/json", b'{"data": ["port"]}'),
        (path, primary, "image/png", b"image"),
    ]


def test_a_token_has_the_times_of_this_machine(service):
    content = b'{"accessToken": "abc", "tokenType": "Bearer", "refreshAfterTimeUtc": 0, "expiryTimeUtc": 4102444800}'
    with scoring({"/api/v1/service/other/token": (200, content)}) as (url, asked):
        token = service(url=url, credentials="key", model="other").get_token()
    assert (token.text, token.expires.year) == ("abc", 2100)
    assert "abc" not in repr(token)
    assert asked[0][1] == "Bearer key"


def test_a_refused_key_is_an_error_of_the_client(service):
    with scoring({"/api/v1/service/help/score": (401, b"{}")}) as (url, _), pytest.raises(Unauthenticated):
        service(url=url).run("{}")


def test_a_key_is_replaced_by_its_azure_name(service):
    made = service(keep_keys=True)
    made.apply("deploy")
    primary, secondary = made.get_keys()
    new = made.regen_key("Secondary")
    assert made.get_keys() == (primary, new)
    assert new != secondary


def test_deleting_leaves_keys_unless_told_otherwise(service, server):
    made = service()
    made.apply("deploy")
    made.delete()
    assert [each["metadata"]["name"] for each in server.of("Secret")] == ["faq-keys"]
    made.delete(keys=True)
    assert server.objects == {}


def route(**spec):
    return {"kind": "HTTPRoute", "spec": spec}


def test_the_way_in_is_the_gateways_name():
    ingress = {"kind": "Ingress", "spec": {"rules": [{"http": {}}, {"host": "b.example.com"}]}}
    assert host_of([{"kind": "Service"}, route(), route(hostnames=["a.example.com"]), ingress]) == "a.example.com"
    assert host_of([ingress]) == "b.example.com"
    assert host_of([route()]) is None


def test_without_a_gateway_it_is_the_address_of_the_service(api, server):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "faq-serve-svc", "namespace": "ns"},
        "spec": {"clusterIP": "10.0.0.7", "ports": [{"name": "dashboard", "port": 1}, {"name": "serve", "port": 8001}]},
    }
    with pytest.raises(StartupError, match="faq has no address yet"):
        service_address(api, "faq", "ns")
    server.add(service)
    assert service_address(api, "faq", "ns") == "http://10.0.0.7:8001"
    server.add(service, loadBalancer={"ingress": [{"ip": "20.0.0.9"}]})
    assert service_address(api, "faq", "ns") == "http://20.0.0.9:8001"
    assert api.get(Kind.SERVICE, "other", "ns") is None


def test_annotations_that_somebody_else_wrote_are_named(service, server):
    made = service()
    made.apply("deploy")
    server.of("RayService")[0]["metadata"]["annotations"] = {"ray-scoring/tags": "[1]"}
    with pytest.raises(StartupError, match="The annotation ray-scoring/tags of the RayService is no JSON"):
        made.tags  # noqa: B018 - a property
