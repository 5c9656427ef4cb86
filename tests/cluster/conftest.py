"""An API server in memory over real HTTP, and objects as a cluster has them."""

import copy
import itertools
import json
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import kubernetes
import pytest

from cluster.kuberay.snapshot import read_snapshot
from cluster.kubernetes.api import Api

RESOURCES = {
    "/api/v1": [
        ("pods", "Pod"),
        ("secrets", "Secret"),
        ("events", "Event"),
        ("services", "Service"),
        ("serviceaccounts", "ServiceAccount"),
        ("namespaces", "Namespace"),
    ],
    "/apis/ray.io/v1": [("rayservices", "RayService"), ("rayclusters", "RayCluster")],
    "/apis/rbac.authorization.k8s.io/v1": [("roles", "Role"), ("rolebindings", "RoleBinding")],
}
CLUSTER_WIDE = {"Namespace"}
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class ApiServer:
    """Objects by path.

    Attributes:
        objects: what is there.
        logs: what containers printed, by pod and container; what they printed before under (pod, container, "before").
        requests: method, path and query of each request.
        refusals: status and message for a method and a path, in place of an answer.
        rules: of the one Role that the user has, in one namespace; None for a user who may do everything.
    """

    def __init__(self):
        self.objects = {}
        self.logs = {}
        self.requests = []
        self.refusals = {}
        self.rules = None
        self.version = 0
        self.lock = threading.Lock()

    def add(self, content, **status):
        """Put an object there."""
        content = copy.deepcopy(content)
        metadata = content["metadata"]
        self.version += 1
        metadata.setdefault("generation", 1)
        metadata["resourceVersion"] = str(self.version)
        if status:
            content["status"] = status
        self.objects[self.path_of(content)] = content
        return content

    def path_of(self, content):
        root = "/apis/" if "/" in content["apiVersion"] else "/api/"
        version = f"{root}{content['apiVersion']}"
        plural = next(plural for plural, kind in RESOURCES[version] if kind == content["kind"])
        metadata = content["metadata"]
        place = "" if content["kind"] in CLUSTER_WIDE else f"/namespaces/{metadata['namespace']}"
        return f"{version}{place}/{plural}/{metadata['name']}"

    def of(self, kind):
        return [content for content in self.objects.values() if content["kind"] == kind]

    def answer(self, method, path, query, body):
        self.requests.append((method, path, query))
        if (method, path) in self.refusals:
            return self.refusals[method, path]
        if self.rules is not None and not _is_allowed(self.rules, method, path, query):
            return 403, f"the role does not allow {method} {path}"
        with self.lock:
            return getattr(self, f"_{method.lower()}")(path, query, body)

    def _get(self, path, query, _body):
        if path in RESOURCES:
            kinds = [
                {"name": plural, "kind": kind, "namespaced": kind not in CLUSTER_WIDE}
                for plural, kind in RESOURCES[path]
            ]
            return 200, {"resources": [*kinds, {"name": "pods/log", "kind": "Pod", "namespaced": True}]}
        if path.endswith("/log"):
            key = (path.split("/")[-2], query["container"], *(["before"] if "previous" in query else []))
            text = self.logs.get(key)
            return (200, text) if text is not None else (400, "there is no such log")
        if path in self.objects:
            return 200, self.objects[path]
        if path.rpartition("/")[2] in {plural for each in RESOURCES.values() for plural, _ in each}:
            found = [content for key, content in self.objects.items() if key.rpartition("/")[0] == path]
            return 200, {"items": [each for each in found if _is_selected(each, query.get("labelSelector"))]}
        return 404, "not found"

    def _patch(self, path, query, body):
        path = path.removesuffix("/status")
        before = self.objects.get(path)
        if isinstance(body, list):
            for step in body:
                _patched(before, step)
            return 200, self.add(before)
        if query.get("dryRun") == "All":
            return 200, body
        if before is None:
            return 201, self.add(body)
        version = before["metadata"]["resourceVersion"]
        if body["metadata"].get("resourceVersion", version) != version:
            return 409, "the object has been modified"
        after = _merged(before, body)
        if before.get("spec") != after.get("spec"):
            after["metadata"]["generation"] = before["metadata"]["generation"] + 1
        return 200, self.add(after)

    def _post(self, path, _query, body):
        if self.path_of(body) in self.objects:
            return 409, f"{body['metadata']['name']} already exists"
        return 201, self.add(body)

    def _put(self, path, _query, body):
        version = self.objects[path]["metadata"]["resourceVersion"]
        if body["metadata"].get("resourceVersion", version) != version:
            return 409, "the object has been modified"
        return 200, self.add(body)

    def _delete(self, path, _query, _body):
        return (200, self.objects.pop(path)) if path in self.objects else (404, "not found")


def _is_allowed(rules, method, path, query):
    root, *parts = path.strip("/").split("/")
    group, parts = ("", parts[1:]) if root == "api" else (parts[0], parts[2:])
    if not parts:
        # What kinds there are, everybody may see.
        return True
    if parts[0] != "namespaces" or len(parts) <= 2:
        return False
    resource = "/".join([parts[2], *parts[4:]])
    reading = "watch" if "watch" in query else "get" if len(parts) > 3 else "list"
    verb = VERBS.get(method, reading)
    return any(group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"] for rule in rules)


def _is_selected(content, selector):
    labels = content["metadata"].get("labels", {})
    if not selector:
        return True
    if " in (" in selector:
        name, _, values = selector.partition(" in (")
        return labels.get(name) in values.rstrip(")").split(",")
    name, _, value = selector.partition("=")
    return labels.get(name) == value


def _merged(before, change):
    if not isinstance(change, dict) or not isinstance(before, dict):
        return copy.deepcopy(change)
    merged = {**before, **{key: _merged(before.get(key), value) for key, value in change.items()}}
    return {key: value for key, value in merged.items() if value is not None}


def _patched(content, step):
    *parents, last = step["path"].strip("/").split("/")
    for part in parents:
        content = content[int(part)] if isinstance(content, list) else content[part]
    if step["op"] == "test":
        assert content[last] == step["value"]
    else:
        content[last] = step["value"]


@contextmanager
def serving(api_server):
    """Serve it, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self):
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = api_server.answer(self.command, parts.path, query, body)
            if status >= 400:
                content = {"kind": "Status", "status": "Failure", "message": content, "code": status}
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._handle)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


NAMESPACE = "ns"
CLUSTER = "faq-abcde"
IMAGE = "registry.example.com/ray-scoring:1"


@pytest.fixture
def server():
    return ApiServer()


@pytest.fixture
def open_api():
    """Serve what answers requests (method, path, query, body) by status and content, and open it."""
    with ExitStack() as stack:

        def open_one(answers):
            configuration = kubernetes.client.Configuration()
            configuration.host = stack.enter_context(serving(answers))
            return Api(kubernetes.client.ApiClient(configuration))

        yield open_one


@pytest.fixture
def api(server, open_api):
    return open_api(server)


def _template(container):
    requests = {"cpu": "8", "memory": "16Gi", "nvidia.com/gpu": "1"}
    resources = {"requests": requests, "limits": requests}
    return {"spec": {"containers": [{"name": container, "image": IMAGE, "resources": resources}]}}


@pytest.fixture
def ray_service():
    """A RayService as it is applied."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "faq", "namespace": NAMESPACE},
        "spec": {
            "serveConfigV2": "applications: []\n",
            "rayClusterConfig": {
                "headGroupSpec": {"template": _template("ray-head")},
                "workerGroupSpecs": [
                    {"groupName": "cpu", "minReplicas": 1, "maxReplicas": 3, "template": _template("ray-worker")},
                    {"groupName": "gpu", "minReplicas": 0, "maxReplicas": 1, "template": _template("ray-worker")},
                ],
            },
        },
    }


@pytest.fixture
def ray_cluster(ray_service):
    """The RayCluster that KubeRay makes of it."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {
            "name": CLUSTER,
            "namespace": NAMESPACE,
            "labels": {"ray.io/originated-from-cr-name": "faq", "ray.io/originated-from-crd": "RayService"},
        },
        "spec": copy.deepcopy(ray_service["spec"]["rayClusterConfig"]),
    }


@pytest.fixture
def pod():
    """Make a pod of the cluster, with the state of its one container."""

    def make(role="head", cluster=CLUSTER, *, ready=False, restarts=0, scheduled=True, message="", phase=None, **state):
        last = state.pop("last", None)
        container = {"name": f"ray-{role}", "image": IMAGE, "ready": ready, "restartCount": restarts}
        container |= {"state": state or {"running": {"startedAt": "2025-12-31T23:58:00Z"}}, "lastState": last or {}}
        conditions = [
            {"type": "PodScheduled", "status": str(scheduled), "reason": "", "message": message},
            {"type": "Ready", "status": str(ready)},
        ]
        labels = {"ray.io/cluster": cluster, "ray.io/node-type": role}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{cluster}-{role}-x1",
                "namespace": NAMESPACE,
                "labels": labels | ({"ray.io/group": "cpu"} if role == "worker" else {}),
            },
            "spec": _template(f"ray-{role}")["spec"],
            "status": {
                "phase": phase or ("Running" if scheduled else "Pending"),
                "conditions": conditions,
                "containerStatuses": [container] if scheduled else None,
            },
        }

    return make


@pytest.fixture
def event():
    """Make an event about an object; each is a second later than the one before it."""
    seconds = itertools.count()

    def make(about, reason, message, kind="Pod"):
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{about}.{reason}.{next(seconds)}", "namespace": NAMESPACE},
            "involvedObject": {"kind": kind, "name": about},
            "type": "Warning",
            "reason": reason,
            "message": message,
            "count": 3,
            "lastTimestamp": f"2026-01-01T00:00:{next(seconds):02}Z",
            "eventTime": None,
        }

    return make


@pytest.fixture
def status():
    """Make the status of a RayService."""

    def make(active=CLUSTER, pending="", *, ready=True, application="RUNNING", observed=1, reason="", **words):
        deployments = {"faq-1": {"status": words.get("deployment", "HEALTHY"), "message": words.get("message", "")}}
        applications = {
            "scoring": {
                "status": application,
                "message": words.get("said", ""),
                "serveDeploymentStatuses": deployments,
            }
        }
        side = {"applicationStatuses": applications if application else None}
        return {
            "observedGeneration": observed,
            "numServeEndpoints": 1,
            "activeServiceStatus": {"rayClusterName": active, **({} if pending else side)} if active else {},
            "pendingServiceStatus": {"rayClusterName": pending, **side} if pending else {},
            "conditions": [
                {"type": "Ready", "status": str(ready), "reason": reason, "message": words.get("why", "")},
                {"type": "UpgradeInProgress", "status": str(bool(active and pending))},
            ],
        }

    return make


@pytest.fixture
def snapshot(api, server, ray_service, ray_cluster):
    """Put a RayService with a status, pods and events into the API server, and read it as a client does."""

    def read(status, *objects, clusters=(CLUSTER,)):
        server.add(ray_service, **status)
        for name in clusters:
            server.add({**ray_cluster, "metadata": {**ray_cluster["metadata"], "name": name}})
        for each in objects:
            server.add(each)
        return read_snapshot(api, "faq", NAMESPACE)

    return read
