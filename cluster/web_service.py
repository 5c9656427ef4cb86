"""A web service in a cluster, as clients of Azure Machine Learning know it from Python.

service = WebService.deploy("cluster.yaml")
service.wait_for_deployment(show_output=True)
print(service.state, service.scoring_uri)
print(service.run('{"data": ["Which port does it listen on?"]}'))
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cluster import asking
from cluster.asking import Token
from cluster.client_keys import ClientKeys, KeyPair
from cluster.kuberay.logs import container_logs, pods, ray_logs
from cluster.kuberay.progress import Report
from cluster.kuberay.ray_services import Applied, RayServices
from cluster.kuberay.service_causes import causes
from cluster.kuberay.states import State, state
from cluster.kuberay.waiting import GONE_SECONDS, READY_SECONDS
from cluster.kubernetes.api import Api, Object, connect
from cluster.manifests.names import keys_secret
from cluster.manifests.objects import objects
from cluster.settings import ClusterSettings, read_settings
from cluster.tags import Tags, merged
from cluster.web_address import host_of, service_address
from deployments.errors import StartupError
from serve_app.client import Keys, ScoringClient
from serve_app.config_file import read_config
from serve_app.table_changes import models_of, name_of

if TYPE_CHECKING:
    from serve_app.client.credentials import Provider

_RAY_SERVICE = "RayService"


class WebService:
    """A web service; nothing is asked of the cluster until a method does.

    Every method raises StartupError, with a sentence, where the cluster refuses or the service is not there.

    Args:
        settings: what is or shall be deployed, or the file that says so.
        api: the cluster; without one, that of KUBECONFIG.
        context: of KUBECONFIG, in place of its current one.
        credentials: for `run` and `get_token`; without them, the keys that are kept in the cluster, if they are.
        url: where the service answers, in place of what the settings or the cluster say.
    """

    def __init__(
        self,
        settings: ClusterSettings | Path | str,
        *,
        api: Api | None = None,
        context: str | None = None,
        credentials: str | Keys | Provider | None = None,
        url: str | None = None,
    ) -> None:
        self.settings = settings if isinstance(settings, ClusterSettings) else read_settings(Path(settings))
        self._api = api or connect(context)
        self._credentials = credentials
        self._url = url
        self.ray_services = RayServices(self._api, self.settings.name, self.settings.namespace)
        #: The keys that `deploy` made, which nobody can see again; None if it made none.
        self.new_keys: KeyPair | None = None

    @classmethod
    def deploy(cls, settings: ClusterSettings | Path | str, *, overwrite: bool = True, **options: Any) -> WebService:
        """Create the service, or make it what the settings say; `wait_for_deployment` waits until it is.

        Args:
            settings: what to deploy.
            overwrite: whether a service of this name may be changed.
            options: those of the constructor.

        Raises:
            StartupError: the settings are not valid, or the cluster refuses them.
        """
        service = cls(settings, **options)
        if not overwrite and service.ray_services.content() is not None:
            raise StartupError(f"There is a web service {service.name} already; overwrite it, or name it otherwise.")
        service.apply("deploy")
        return service

    @property
    def name(self) -> str:
        """The service's name."""
        return self.settings.name

    @property
    def state(self) -> State:
        """Transitioning, Healthy, Unhealthy, Failed or Unschedulable, of what was applied last."""
        snapshot = self.ray_services.read()
        return state(snapshot, causes(snapshot))

    @property
    def error(self) -> str | None:
        """Why it is not healthy; None where nothing is known to be wrong."""
        found = causes(self.ray_services.read())
        return "\n".join(str(each) for each in found) or None

    @property
    def model(self) -> str:
        """The model that `run` asks."""
        named = self.settings.web_service.model
        if named is not None:
            return named
        first, *_ = models_of(copy.deepcopy(read_config(self.settings.application).content))
        return name_of(first)

    @property
    def scoring_uri(self) -> str:
        """Where the model scores, in the form of Azure Machine Learning."""
        return f"{self.url}{asking.path_of(self.model)}/score"

    @property
    def swagger_uri(self) -> str:
        """Where the model's routes are described."""
        return f"{self.url}{asking.path_of(self.model)}/swagger.json"

    @property
    def url(self) -> str:
        """Where the service answers, all its protocols under one address."""
        if self._url is None:
            host = host_of(self.objects())
            found = f"https://{host}" if host else service_address(self._api, self.name, self.settings.namespace)
            self._url = found
        return self._url

    @property
    def tags(self) -> dict[str, str]:
        """Tags, as they are in the cluster."""
        return self._tags().tags

    @property
    def properties(self) -> dict[str, str]:
        """Properties, as they are in the cluster."""
        return self._tags().properties

    def objects(self) -> list[Object]:
        """Return every object that the settings ask for."""
        return objects(self.settings)

    def apply(self, note: str) -> Applied:
        """Apply everything that the settings say, and make the client's keys where there are none."""
        rendered = self.objects()
        left = self.ray_services.apply_others([each for each in rendered if each["kind"] != _RAY_SERVICE])
        # So late that what is refused is refused before there are keys, which are shown once.
        self.new_keys = self._made_keys(rendered)
        applied = self.ray_services.apply([each for each in rendered if each["kind"] == _RAY_SERVICE], note)
        given = self.settings.web_service
        self._set(merged(self._tags(), given.tags, given.properties, given.description))
        return replace(applied, left=tuple(left))

    def wait_for_deployment(
        self,
        show_output: bool = False,  # noqa: FBT001, FBT002 - as in Azure Machine Learning
        *,
        timeout_seconds: float = READY_SECONDS,
        report: Report | None = None,
    ) -> None:
        """Wait until the service is what was applied last.

        Args:
            show_output: print what happens meanwhile.
            timeout_seconds: for how long.
            report: gets each line of it, in place of printing.

        Raises:
            NotReady: it failed, or was not ready in time; the message says why.
        """
        self.ray_services.wait_until_ready(report or (printed() if show_output else _quiet), timeout_seconds)

    def update(
        self,
        settings: ClusterSettings | Path | str | None = None,
        *,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: list[str] | None = None,
        add_properties: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> None:
        """Make the service what other settings say, or give it other tags.

        Raises:
            StartupError: there is no such service, or other settings have another name.
        """
        self.ray_services.read()
        if settings is not None:
            changed = settings if isinstance(settings, ClusterSettings) else read_settings(Path(settings))
            if (changed.name, changed.namespace) != (self.name, self.settings.namespace):
                raise StartupError(f"The settings are of {changed.namespace}/{changed.name}, not of {self.name}.")
            self.settings = changed
            self.apply("update")
        tags = merged(self._tags(), add_tags or {}, add_properties or {}, description or "")
        self._set(tags.without(remove_tags or []))

    def delete(self, *, keys: bool = False, report: Report | None = None, seconds: float = GONE_SECONDS) -> None:
        """Delete the service and wait until its pods are gone; the namespace stays, and keys unless told otherwise."""
        self.ray_services.delete(self.objects(), report or _quiet, seconds)
        if keys:
            self._keys().forget()

    def get_logs(self, num_lines: int = 5000, *, init: bool = False) -> str:
        """Return what every process of the service printed last: containers, and Ray's own log files.

        Args:
            num_lines: of each of them.
            init: only of containers, as where Ray does not start.
        """
        found = []
        for pod in pods(self._api, self.name, self.settings.namespace):
            found += list(container_logs(self._api, pod, self.settings.namespace, num_lines))
            if pod.is_ready and not init:
                found += ray_logs(self._api, pod, self.settings.namespace, num_lines)
        return "\n".join("\n".join([f"==> {each.pod} {each.source} <==", *each.lines]) for each in found)

    def get_keys(self) -> tuple[str | None, str | None]:
        """Return the primary and the secondary key.

        Raises:
            StartupError: they are not kept (`web_service: {keep_keys: true}`); the message names their identifiers.
        """
        pair = self._keys().get()
        return pair.primary, pair.secondary

    def regen_key(self, key: Literal["primary", "secondary", "Primary", "Secondary"]) -> str:
        """Replace one key and return the new one; the one before it ends within seconds, the other stays."""
        return self._keys().regenerate("primary" if key.lower() == "primary" else "secondary")

    def get_token(self) -> Token:
        """Return a token for the model, from the key.

        Raises:
            ClientError: the service gives none.
        """
        with self._client() as client:
            return asking.get_token(client, self.model)

    def run(self, input_data: str | bytes, *, media_type: str = asking.JSON) -> Any:
        """Score as a client does, and return the answer's JSON.

        Args:
            input_data: the body: JSON, or an image with its `media_type`.
            media_type: of the body.

        Raises:
            ClientError: the service gives no result.
        """
        with self._client() as client:
            return asking.score(client, self.model, input_data, media_type)

    def _keys(self) -> ClientKeys:
        given = self.settings.web_service
        return ClientKeys(
            self._api,
            self.name,
            self.settings.namespace,
            secret=keys_secret(self.settings),
            client=given.client,
            keeps=given.keep_keys,
        )

    def _made_keys(self, rendered: list[Object]) -> KeyPair | None:
        """Make the client's keys where pods ask for the Secret, unless a vault has it."""
        secret = keys_secret(self.settings)
        is_wanted = any(f'"secretName": "{secret}"' in json.dumps(each) for each in rendered)
        return self._keys().ensure() if is_wanted and self.settings.key_vault is None else None

    def _client(self) -> ScoringClient:
        credentials = self._credentials
        if credentials is None and self.settings.web_service.keep_keys:
            pair = self._keys().get()
            credentials = Keys(pair.primary or "", pair.secondary) if pair.primary else pair.secondary
        return ScoringClient(self.url, credentials=credentials)

    def _tags(self) -> Tags:
        return Tags.of(self.ray_services.content() or {})

    def _set(self, tags: Tags) -> None:
        if tags != self._tags():
            self.ray_services.annotate(tags.annotations(), Tags.MANAGER)


def printed(write: Callable[[str], None] = print) -> Report:
    """Return what prints lines with the seconds that have gone by."""
    started = time.monotonic()
    return lambda text: write(f"{time.monotonic() - started:6.1f} s  {text}")


def _quiet(_text: str) -> None:
    pass
