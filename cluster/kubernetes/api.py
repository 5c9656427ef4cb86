"""A client of Kubernetes' API: any kind of object as plain JSON, with any version of the package `kubernetes`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml import YAMLError

from cluster.kubernetes.errors import KubernetesError, NoCluster, NotFound, UnknownKind, explained
from cluster.kubernetes.kinds import Kind, Kinds

Object = dict[str, Any]

# Who owns what `scoring cluster` has applied; what others add (an autoscaler, a mesh) stays theirs.
FIELD_MANAGER = "ray-scoring"

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
# Beyond the seconds that the server is to end a watch after.
WATCH_MARGIN_SECONDS = 10.0
# The doctor's checks run side by side, some of them in threads of their own.
CONNECTIONS = 40
# Objects of one page of a list.
PAGE = "500"
# Lines may be of any length; what an hour of a busy process prints is far below.
LOG_BYTES = 64 * 1024 * 1024
LONGEST_LINE = 64 * 1024

_APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Server:
    """The API server as KUBECONFIG has it.

    Attributes:
        url: of the server.
        ca_file: certificates to trust in place of the system's.
        server_name: in the certificate, where that is not the host.
        client_certificate: a file in PEM, if the user shows one.
    """

    url: str
    ca_file: str | None = None
    server_name: str | None = None
    client_certificate: str | None = None


class Api:
    """One cluster, as one user; may be used from several threads.

    Every method raises `KubernetesError` where the API server refuses or does not answer.

    Args:
        client: a client of the `kubernetes` package, with its credentials.
        read_seconds: how long an answer may take.
    """

    def __init__(self, client: Any, *, read_seconds: float = READ_SECONDS) -> None:
        from kubernetes import dynamic

        self.client = client
        self._read_seconds = read_seconds
        # Only its requests are used: it would look all kinds up, and keep them in a file that every user of the machine
        # may write. Kinds are looked up below as they are needed, and kept in memory.
        new: Any = dynamic.DynamicClient
        self._http: Any = new(client, discoverer=lambda _client, _file: None)
        self._kinds = Kinds(self.read)

    @property
    def server(self) -> Server:
        """Where the API server is, and how it shows who it is."""
        given = self.client.configuration
        return Server(given.host, given.ssl_ca_cert, getattr(given, "tls_server_name", None), given.cert_file)

    def read(self, path: str, query: Mapping[str, str | None] | None = None) -> Object:
        """Return what is under a path that is of no kind, such as /version."""
        return _json(self._open("get", path, query or {}))

    def knows(self, kind: Kind) -> bool:
        """Whether the cluster has a kind of object."""
        try:
            self._kinds.path(kind, None, None)
        except UnknownKind:
            return False
        return True

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return an object; None if there is none."""
        path = self._kinds.path(kind, name, namespace)
        try:
            return self.read(path)
        except NotFound:
            return None

    def find(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        """Return all objects of a kind that a selector takes; without a namespace, of all namespaces."""
        path, token = self._kinds.path(kind, None, namespace), ""
        found: list[Object] = []
        while True:
            query = {"labelSelector": labels, "fieldSelector": fields, "limit": PAGE, "continue": token or None}
            page = self.read(path, query)
            found += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

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
        path = self._kinds.path(Kind.of(content), None, content.get("metadata", {}).get("namespace"))
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

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        grace_seconds: int | None = None,
    ) -> bool:
        """Have an object deleted, and after it all that it owns; whether there was one.

        With grace_seconds, a pod has no more than those to end.
        """
        path = self._kinds.path(kind, name, namespace)
        options: Object = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self._send("delete", path, options, "application/json", {})
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

    def log(
        self, pod: str, namespace: str, container: str, *, lines: int, previous: bool = False, most: int = LOG_BYTES
    ) -> str:
        """Return the last lines that a container printed; those of its run before this one, if asked for.

        Of lines that are longer in all than `most` bytes, the rest is left out.
        """
        query = {
            "container": container,
            "tailLines": str(lines),
            "limitBytes": str(most),
            "previous": "true" if previous else None,
        }
        response = self._open("get", f"{self._kinds.path(Kind.POD, pod, namespace)}/log", query)
        return _bytes(response).decode(errors="replace")

    def follow_log(self, pod: str, namespace: str, container: str, *, lines: int) -> Iterator[str]:
        """Give a container's lines, as it prints them, until it ends."""
        query = {"container": container, "tailLines": str(lines), "follow": "true"}
        path = f"{self._kinds.path(Kind.POD, pod, namespace)}/log"
        response = self._open("get", path, query, endless=True)
        try:
            with explained():
                yield from lines_of(response.stream(amt=None))
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
        read_seconds: float | None = None,
        endless: bool = False,
    ) -> Any:
        seconds = None if endless else read_seconds or self._read_seconds
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
                _request_timeout=(CONNECT_SECONDS, seconds),
            )


def connect(context: str | None = None, *, kubeconfig: Path | None = None, read_seconds: float = READ_SECONDS) -> Api:
    """Return the cluster that KUBECONFIG, or the usual file, names; inside a pod, the pod's own.

    Args:
        context: of the file, in place of its current one.
        kubeconfig: a file, in place of those.
        read_seconds: how long an answer may take.

    Raises:
        NoCluster: none is named.
    """
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise KubernetesError(f"{error.name} is not installed: `pip install 'ray-scoring[cluster]'`.") from None
    configuration = client.Configuration()
    # With fewer than there are threads, connections are thrown away, and urllib3 warns of each.
    configuration.connection_pool_maxsize = CONNECTIONS
    load: Any = config.load_kube_config
    load_in_cluster: Any = config.load_incluster_config
    file = None if kubeconfig is None else str(kubeconfig)
    try:
        load(config_file=file, context=context, client_configuration=configuration)
    except config.ConfigException as error:
        if context is not None or file is not None:
            raise NoCluster(context, str(error)) from None
        try:
            load_in_cluster(client_configuration=configuration)
        except config.ConfigException:
            raise NoCluster(context, str(error)) from None
    except (YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError):
        # The package tells what it stumbled over with the text around it, in which there may be a password.
        raise KubernetesError("The file that KUBECONFIG names cannot be read as YAML of the kind Config.") from None
    try:
        return Api(client.ApiClient(configuration), read_seconds=read_seconds)
    except OSError as error:
        raise KubernetesError(f"The certificates that KUBECONFIG names cannot be used: {error}.") from None


def _json(response: Any) -> Object:
    try:
        content = json.loads(_bytes(response))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise KubernetesError("What answers is no Kubernetes API server; look at `server` in KUBECONFIG.")
    return content


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Put chunks together to lines; one that does not end is given in pieces, and the last also without an end."""
    rest = b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        complete += [rest] if len(rest) > LONGEST_LINE else []
        rest = rest if len(rest) <= LONGEST_LINE else b""
        yield from (line.decode(errors="replace") for line in complete)
    if rest:
        yield rest.decode(errors="replace")


def _bytes(response: Any) -> bytes:
    try:
        with explained():
            content: bytes = response.data
            return content
    finally:
        response.release_conn()
