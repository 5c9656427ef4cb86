"""What others may have written into a cluster: it is shown or refused in a sentence, and never obeyed."""

import base64
import gzip
import io
import json

import pytest
from rich.console import Console
from rich.table import Table

from cluster.kuberay.logs import container_logs, pods, ray_logs
from cluster.kuberay.revision_commands import _table
from cluster.kuberay.revisions import Revisions
from cluster.kuberay.service_causes import causes
from cluster.kuberay.snapshot import LAST_LINES, LONGEST, last_lines
from cluster.kuberay.states import State
from cluster.kuberay.status_command import _show
from cluster.kuberay.views import Pod
from cluster.kubernetes.errors import KubernetesError
from deployments.errors import StartupError

TITLE = "\x1b]0;mine\x07"


def test_events_and_messages_cannot_command_a_terminal_nor_pretend_to_be_other_lines(snapshot, status, pod, event):
    refusal = event("faq-abcde", "FailedToCreateHeadPod", f"no{TITLE}\nReady: http://elsewhere", kind="RayCluster")
    [cause] = causes(snapshot(status("", "faq-abcde", ready=False, application=None), refusal))
    assert "\x1b" not in str(cause)
    assert str(cause).splitlines() == [str(cause)]


def test_markup_in_what_is_shown_is_text(snapshot, status, pod):
    found = snapshot(status(), pod(waiting={"reason": "[/red][link=http://elsewhere]"}))
    console = Console(record=True, width=200, file=io.StringIO())
    _show(console, found, causes(found), State.HEALTHY, [])
    assert "[/red][link=http://elsewhere]" in console.export_text()


def test_an_object_of_another_form_is_named(api, server, pod):
    broken = pod()
    broken["status"]["containerStatuses"] = [{"name": "ray-head", "restartCount": "many"}]
    with pytest.raises(KubernetesError, match=r"The Pod faq-abcde-head-x1 of .* status.containerStatuses.0"):
        Pod.of(broken)


def test_of_long_lines_the_beginning_is_shown(api, server):
    server.logs["p", "c", "before"] = "\n".join([TITLE + "x" * 10_000] * 100)
    lines = last_lines(api, "p", "ns", "c")
    assert len(lines) == LAST_LINES
    assert all(len(line) <= LONGEST + 3 and "\x1b" not in line for line in lines)


def test_logs_of_containers_and_of_ray_cannot_command_a_terminal(api, server, ray_cluster, pod, monkeypatch):
    server.add(ray_cluster)
    server.add(pod(ready=True))
    server.logs["faq-abcde-head-x1", "ray-head"] = f"\x1b[32mgreen\x1b[0m{TITLE}\n"
    [found] = pods(api, "faq", "ns")
    [log] = container_logs(api, found, "ns", 5)
    assert log.lines == (r"green\x1b]0;mine\x07",)
    monkeypatch.setattr(api, "run", lambda *_: json.dumps({"serve/a.log": [TITLE]}))
    assert ray_logs(api, found, "ns", 5)[0].lines == (r"\x1b]0;mine\x07",)


@pytest.mark.parametrize("printed", ["no python3", "[1]", '{"a": 1}'])
def test_what_is_no_answer_of_a_pod_is_told_of(api, pod, monkeypatch, printed):
    monkeypatch.setattr(api, "run", lambda *_: printed)
    with pytest.raises(KubernetesError, match="Has its image python3"):
        ray_logs(api, Pod.of(pod()), "ns", 5)


def packed(content):
    return base64.b64encode(gzip.compress(content)).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"data": {}},
        {"data": {"rayservice.json.gz": "AAAA"}},
        {"data": {"rayservice.json.gz": packed(b"[]")}},
        {"data": {"rayservice.json.gz": packed(b" " * 20_000_000)}},
    ],
    ids=["empty", "not packed", "no object", "too large"],
)
def test_a_revision_that_is_none_is_named(api, server, ray_service, change):
    Revisions(api, "faq", "ns").add(ray_service, "deploy")
    server.add(server.of("Secret")[0] | change)
    with pytest.raises(StartupError, match="The Secret faq-revision-1 is no revision that can be read; delete it"):
        Revisions(api, "faq", "ns").all()


def test_notes_of_revisions_are_text(api, server, ray_service):
    revisions = Revisions(api, "faq", "ns")
    revisions.add(ray_service, f"[/bold]{TITLE}")
    console = Console(record=True, width=200, file=io.StringIO())
    table: Table = _table(type("Services", (), {"revisions": revisions}))
    console.print(table)
    assert r"[/bold]\x1b]0;mine\x07" in console.export_text()
    assert "serveConfigV2" not in repr(revisions.all())
