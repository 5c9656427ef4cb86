"""The API of Kubernetes, as plain JSON: any kind of object, whatever version of the client library is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cluster.kuberay.errors import KubernetesError, NoCluster, NotFound, explained
from cluster.kuberay.kinds import Kind, Kinds

Object = dict[str, Any]

# Who owns what `scoring cluster` has applied; what others add (an autoscaler, a mesh) stays theirs.
FIELD_MANAGER = "ray-scoring"

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
# Beyond the seconds that the server is to end a watch after.
WATCH_MARGIN_SECONDS = 10.0

_APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class Api:
    """One cluster, as one user.

    Every method raises `KubernetesError` where the API server refuses or does not answer.

    Args:
        client: a client of the `kubernetes` package, with its credentials.
    """

    def __init__(self, client: Any) -> None:
        from kubernetes import dynamic

        self.client = client
        # Only its requests are used: it would look all kinds up and keep them in a shared directory.
        new: Any = dynamic.DynamicClient
        self._http: Any = new(client, discoverer=lambda _client, _file: None)
        self._kinds = Kinds(self._read)

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return an object; None if there is none."""
        try:
            return self._read(self._kinds.path(kind, name, namespace))
        except NotFound:
            return None

    def find(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        """Return all objects of a kind that a selector takes."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        items: list[Object] = self._read(self._kinds.path(kind, None, namespace), query).get("items", [])
        return items

    def apply(self, content: Object, *, manager: str = FIELD_MANAGER, dry_run: bool = False) -> Object:
        """Create an object, or make its fields what they are here (server-side apply).

        What this manager set before and is not here any more is taken away; fields of others stay, but for those that
        are here as well.
        """
        metadata = content["metadata"]
        path = self._kinds.path(Kind.of(content), metadata["name"], metadata.get("namespace"))
        query = {"fieldManager": manager, "force": "true", "dryRun": "All" if dry_run else None}
        return self._send("patch", path, content, _APPLY, query)

    def create(self, content: Object) -> Object:
        """Create an object.

        Raises:
            Conflict: there is one of its name.
        """
        path = self._kinds.path(Kind.of(content), None, content["metadata"].get("namespace"))
        return self._send("post", path, content, "application/json", {"fieldManager": FIELD_MANAGER})

    def replace(self, content: Object) -> Object:
        """Replace an object.

        Raises:
            Conflict: it has changed since it was read.
        """
        metadata = content["metadata"]
        path = self._kinds.path(Kind.of(content), metadata["name"], metadata.get("namespace"))
        return self._send("put", path, content, "application/json", {"fieldManager": FIELD_MANAGER})

    def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        content: Object | list[Object],
        media_type: str = MERGE,
        *,
        subresource: str = "",
    ) -> Object:
        """Change some fields of an object, or of a part of it that has rights of its own, such as its status."""
        path = self._kinds.path(kind, name, namespace)
        path = f"{path}/{subresource}" if subresource else path
        return self._send("patch", path, content, media_type, {"fieldManager": FIELD_MANAGER})

    def delete(self, kind: Kind, name: str, namespace: str | None = None, *, owned_first: bool = False) -> bool:
        """Have an object deleted, before or after all that it owns; whether there was one."""
        try:
            path = self._kinds.path(kind, name, namespace)
            policy = "Foreground" if owned_first else "Background"
            self._send("delete", path, {"propagationPolicy": policy}, "application/json", {})
        except NotFound:
            return False
        return True

    def wait_for_change(
        self, kind: Kind, namespace: str, seconds: int, *, name: str | None = None, version: str | None = None
    ) -> None:
        """Return when something happens to objects of a kind, or after some seconds.

        With a resource version, changes after it count, else every object that there is counts as one.
        """
        query = {
            "watch": "true",
            "timeoutSeconds": str(seconds),
            "fieldSelector": f"metadata.name={name}" if name else None,
            "resourceVersion": version,
        }
        path = self._kinds.path(kind, None, namespace)
        response = self._open("get", path, query, read_seconds=seconds + WATCH_MARGIN_SECONDS)
        try:
            with explained():
                next(iter(response.stream(amt=None)), None)
        finally:
            response.close()

    def log(self, pod: str, namespace: str, container: str, *, lines: int, previous: bool = False) -> str:
        """Return the last lines that a container printed; those of its run before this one, if asked for."""
        query = {"container": container, "tailLines": str(lines), "previous": "true" if previous else None}
        response = self._open("get", f"{self._kinds.path(Kind.POD, pod, namespace)}/log", query)
        return _text(response)

    def follow_log(self, pod: str, namespace: str, container: str, *, lines: int) -> Iterator[str]:
        """Give a container's lines, as it prints them, until it ends."""
        query = {"container": container, "tailLines": str(lines), "follow": "true"}
        path = f"{self._kinds.path(Kind.POD, pod, namespace)}/log"
        response = self._open("get", path, query, read_seconds=None)
        try:
            rest = b""
            with explained():
                for chunk in response.stream(amt=None):
                    *complete, rest = (rest + chunk).split(b"\n")
                    yield from (line.decode(errors="replace") for line in complete)
        finally:
            response.close()

    def run(self, pod: str, namespace: str, container: str, command: Sequence[str]) -> str:
        """Run a command in a container and return what it printed.

        Raises:
            KubernetesError: it cannot be run.
        """
        from kubernetes import client
        from kubernetes.stream import stream

        # The library turns a client's requests into websockets for the time of the call, so it gets one of its own.
        new: Any = client.ApiClient
        execute: Any = client.CoreV1Api(new(self.client.configuration)).connect_get_namespaced_pod_exec
        run: Any = stream
        try:
            with explained():
                printed: str = run(
                    execute, pod, namespace, container=container, command=list(command),
                    stderr=False, stdin=False, stdout=True, tty=False, _request_timeout=READ_SECONDS,
                )  # fmt: skip
        except OSError as error:
            raise KubernetesError(f"Nothing can be run in the pod {pod}: {error}.") from None
        return printed

    def _read(self, path: str, query: Mapping[str, str | None] | None = None) -> Object:
        return _json(self._open("get", path, query or {}))

    def _send(self, method: str, path: str, body: Any, media_type: str, query: Mapping[str, str | None]) -> Object:
        return _json(self._open(method, path, query, body=body, media_type=media_type))

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None],
        *,
        body: Any = None,
        media_type: str = "application/json",
        read_seconds: float | None = READ_SECONDS,
    ) -> Any:
        given = [(name, value) for name, value in query.items() if value is not None]
        with explained():
            return self._http.request(
                method,
                path,
                body=body,
                serialize=False,
                query_params=given,
                content_type=media_type,
                header_params={"Accept": "application/json, */*"},
                _request_timeout=(CONNECT_SECONDS, read_seconds),
            )


def connect(context: str | None = None) -> Api:
    """Return the cluster that KUBECONFIG, or the usual file, names; inside a pod, the pod's own.

    Raises:
        NoCluster: none is named.
    """
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise KubernetesError(f"{error.name} is not installed: `pip install 'ray-scoring[cluster]'`.") from None
    configuration = client.Configuration()
    load: Any = config.load_kube_config
    load_in_cluster: Any = config.load_incluster_config
    try:
        load(context=context, client_configuration=configuration)
    except config.ConfigException as error:
        if context is not None:
            raise NoCluster(context, str(error)) from None
        try:
            load_in_cluster(client_configuration=configuration)
        except config.ConfigException:
            raise NoCluster(context, str(error)) from None
    return Api(client.ApiClient(configuration))


def _json(response: Any) -> Object:
    content: Object = json.loads(_bytes(response))
    return content


def _text(response: Any) -> str:
    return _bytes(response).decode(errors="replace")


def _bytes(response: Any) -> bytes:
    try:
        with explained():
            content: bytes = response.data
            return content
    finally:
        response.release_conn()
