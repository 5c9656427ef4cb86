"""The Kubernetes API as JSON over HTTP, with what the kubeconfig says."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from deployments.errors import StartupError

Json = dict[str, Any]

MANAGER = "scoring-doctor"


class ApiError(Exception):
    """The API server refused, or did not answer.

    Attributes:
        status: of HTTP; 0 where there was no answer.
        message: one line of what it said.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def is_missing(self) -> bool:
        """Whether there is no such thing."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Whether the user may not ask."""
        return self.status == HTTPStatus.FORBIDDEN


@dataclass(frozen=True, slots=True)
class Server:
    """The API server as the kubeconfig has it.

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


class ClusterApi:
    """Asks the API server; may be used from several threads."""

    def __init__(self, server: Server, client: httpx.Client) -> None:
        self.server = server
        self._client = client

    def get(self, path: str, **query: str) -> Json:
        """Read an object or a list.

        Raises:
            ApiError: it could not be read.
        """
        return self._json("GET", path, params=query)

    def find(self, path: str, **query: str) -> Json | None:
        """Read an object; None if there is none.

        Raises:
            ApiError: it could not be read for any other reason.
        """
        try:
            return self.get(path, **query)
        except ApiError as error:
            if error.is_missing:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """Read all objects of a list.

        Raises:
            ApiError: it could not be read.
        """
        found: list[Json] = []
        token = ""
        while True:
            page = self.get(path, limit="500", **query, **({"continue": token} if token else {}))
            found += page.get("items") or []
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return found

    def text(self, path: str, **query: str) -> str:
        """Read what is no JSON, such as a log.

        Raises:
            ApiError: it could not be read.
        """
        return self._send("GET", path, params=query).text

    def create(self, path: str, body: Json) -> Json:
        """Create an object.

        Raises:
            ApiError: it was not created.
        """
        return self._json("POST", path, json=body)

    def apply_dry(self, path: str, body: Json) -> None:
        """Have an object admitted without keeping it.

        Raises:
            ApiError: it would not be.
        """
        query = {"dryRun": "All", "fieldManager": MANAGER, "force": "true"}
        self._json("PATCH", path, params=query, json=body, headers={"content-type": "application/apply-patch+yaml"})

    def delete(self, path: str) -> None:
        """Delete an object at once; that it is gone already is no error.

        Raises:
            ApiError: it was not deleted.
        """
        try:
            self._send("DELETE", path, params={"gracePeriodSeconds": "0"})
        except ApiError as error:
            if not error.is_missing:
                raise

    def _json(self, method: str, path: str, **options: Any) -> Json:
        response = self._send(method, path, **options)
        try:
            content = response.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ApiError(response.status_code, "what answers is no Kubernetes API server")
        return content

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        named = {"sni_hostname": self.server.server_name} if self.server.server_name else {}
        try:
            response = self._client.request(method, path, extensions=named, **options)
        except httpx.TimeoutException:
            raise ApiError(0, "the API server does not answer in time") from None
        except httpx.HTTPError as error:
            raise ApiError(0, f"there is no connection to the API server ({error})") from None
        if response.is_success:
            return response
        raise ApiError(response.status_code, _message(response))


def connect(kubeconfig: Path | None, context: str | None, timeout_seconds: float) -> ClusterApi:
    """Open the cluster that a kubeconfig names.

    Args:
        kubeconfig: a file; without one, those that KUBECONFIG names, or `~/.kube/config`.
        context: of the file; without one, its current one.
        timeout_seconds: how long an answer may take.

    Raises:
        StartupError: there is no such file or context, or its credentials cannot be read.
    """
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_kube_config

    configuration = Configuration()
    try:
        load_kube_config(
            config_file=None if kubeconfig is None else str(kubeconfig),
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except ConfigException as error:
        raise StartupError(f"The kubeconfig cannot be used: {error}") from None
    return ClusterApi(_server(configuration), _client(configuration, timeout_seconds))


def _server(configuration: Any) -> Server:
    return Server(
        url=configuration.host,
        ca_file=configuration.ssl_ca_cert,
        server_name=getattr(configuration, "tls_server_name", None),
        client_certificate=configuration.cert_file,
    )


def _client(configuration: Any, timeout_seconds: float) -> httpx.Client:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    token = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    return httpx.Client(
        base_url=configuration.host,
        verify=context,
        timeout=timeout_seconds,
        headers={"authorization": token} if token else {},
        proxy=getattr(configuration, "proxy", None) or None,
    )


def _message(response: httpx.Response) -> str:
    try:
        message = response.json().get("message", "")
    except (ValueError, AttributeError):
        message = ""
    return " ".join(str(message).split()) or f"the API server answers {response.status_code}"
