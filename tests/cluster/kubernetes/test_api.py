import json
import tempfile

import pytest

from cluster.kubernetes.api import LONGEST_LINE, PAGE, Server, connect, lines_of
from cluster.kubernetes.errors import (
    Conflict,
    KubernetesError,
    NoCluster,
    NotAuthenticated,
    NotPermitted,
    UnknownKind,
    Unreachable,
)
from cluster.kubernetes.kinds import Kind

PODS = "/api/v1/namespaces/ns/pods"
KINDS = {"resources": [{"kind": "Pod", "name": "pods", "namespaced": True}]}


class Table:
    """Answers with what a table has for a method and a path, or what its function makes of a query."""

    def __init__(self, table):
        self.table = {("GET", "/api/v1"): (200, KINDS), **table}

    def answer(self, method, path, query, body):
        found = self.table.get((method, path), (404, "not found"))
        return found(query) if callable(found) else found


def test_pages_of_a_list_are_put_together(open_api):
    def page(query):
        assert query["limit"] == PAGE
        more = query.get("continue")
        return 200, {"items": [{"n": 2}]} if more == "next" else {"items": [{"n": 1}], "metadata": {"continue": "next"}}

    assert open_api(Table({("GET", PODS): page})).find(Kind.POD, "ns") == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("text", ["<html>", "[1]"])
def test_what_is_no_api_server_is_told_so(open_api, text):
    with pytest.raises(KubernetesError, match="no Kubernetes API server"):
        open_api(Table({("GET", "/version"): (200, text)})).read("/version")


def test_what_the_server_said_is_kept_on_one_line_and_cannot_command_a_terminal(open_api):
    said = "denied\n by \x1b[31mpolicy\x1b[0m \x1b]0;title\x07."
    with pytest.raises(KubernetesError) as error:
        open_api(Table({("GET", "/version"): (422, said)})).read("/version")
    assert error.value.said == r"denied by policy \x1b]0;title\x07"
    assert str(error.value) == rf"The cluster refuses it (422): {error.value.said}."


def test_who_is_not_known_is_told_apart(open_api):
    with pytest.raises(NotAuthenticated, match="log in again"):
        open_api(Table({("GET", "/version"): (401, "Unauthorized")})).read("/version")


def test_kinds_that_the_cluster_knows(open_api):
    api = open_api(Table({}))
    assert api.knows(Kind.POD)
    assert not api.knows(Kind("v1", "Gateway"))
    assert not api.knows(Kind.RAY_SERVICE)
    with pytest.raises(UnknownKind, match="Install the KubeRay operator"):
        api.get(Kind.RAY_SERVICE, "a", "ns")


def test_kinds_are_not_kept_where_others_could_write_them(open_api, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert open_api(Table({("GET", PODS): (200, {"items": []})})).find(Kind.POD, "ns") == []
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_there_is_not_made_again(api):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}}
    api.create(secret)
    with pytest.raises(Conflict):
        api.create(secret)
    read = api.get(Kind.SECRET, "s", "ns")
    api.replace({**read, "data": {"a": "MQ=="}})
    with pytest.raises(Conflict):
        api.replace({**read, "data": {"a": "Mg=="}})


def test_a_log_is_followed_to_its_last_line(api, server):
    server.logs["p", "c"] = "first\nlast"
    assert list(api.follow_log("p", "ns", "c", lines=10)) == ["first", "last"]


def test_lines_come_out_however_they_were_cut_and_one_without_an_end_in_pieces():
    assert list(lines_of([b"fir", b"st\nsec", b"ond\n", b"la", b"st"])) == ["first", "second", "last"]
    endless = [b"x" * LONGEST_LINE] * 5
    pieces = list(lines_of(endless))
    assert "".join(pieces) == "x" * LONGEST_LINE * 5
    assert max(len(each) for each in pieces) <= 2 * LONGEST_LINE


def test_of_a_log_no_more_is_read_than_asked_for(api, server):
    server.logs["p", "c"] = "a\n"
    api.log("p", "ns", "c", lines=5, most=1000)
    assert server.requests[-1][2] == {"container": "c", "tailLines": "5", "limitBytes": "1000"}


def test_a_command_that_may_not_be_run_says_so_without_the_servers_headers(open_api):
    path = f"{PODS}/p/exec"
    with pytest.raises(NotPermitted, match=r"^The cluster does not permit it: Forbidden\.$"):
        open_api(Table({("GET", path): (403, "no")})).run("p", "ns", "c", ["true"])


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_server_that_does_not_answer_now_is_told_apart(open_api, status):
    with pytest.raises(Unreachable, match="does not answer now"):
        open_api(Table({("PATCH", f"{PODS}/p"): (status, "later")})).patch(Kind.POD, "p", "ns", {})


def kubeconfig(file):
    cluster = {"name": "c", "cluster": {"server": "https://api.test:6443", "tls-server-name": "name.test"}}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "clusters": [cluster],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(content))
    return file


def test_a_kubeconfig_of_ones_own(tmp_path):
    file = kubeconfig(tmp_path / "config")
    api = connect(kubeconfig=file)
    assert api.server == Server("https://api.test:6443", server_name="name.test")
    assert api.client.configuration.get_api_key_with_prefix("BearerToken", alias="authorization") == "Bearer t0ken"
    with pytest.raises(NoCluster, match="no context other"):
        connect("other", kubeconfig=file)
    with pytest.raises(NoCluster, match="names no cluster"):
        connect(kubeconfig=tmp_path / "none")


@pytest.mark.parametrize("text", ["users: [{password: s3cret", "s3cret", "[s3cret]"])
def test_of_a_kubeconfig_that_is_none_nothing_is_shown(tmp_path, text):
    (tmp_path / "config").write_text(text)
    with pytest.raises(KubernetesError, match="KUBECONFIG") as error:
        connect(kubeconfig=tmp_path / "config")
    assert "s3cret" not in str(error.value)


def test_without_a_kubeconfig_it_is_said_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    with pytest.raises(NoCluster, match="az aks get-credentials"):
        connect()
    with pytest.raises(NoCluster, match="no context other"):
        connect("other")


def test_a_cluster_that_does_not_answer_is_told_of(open_api):
    api = open_api(Table({}))
    api.client.configuration.host = "http://127.0.0.1:9"
    with pytest.raises(KubernetesError, match=r"The cluster (cannot be reached|does not answer)"):
        api.get(Kind.POD, "a", "ns")
