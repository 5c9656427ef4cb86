"""`scoring serve`: a local Ray with the service, from start to drain."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from deployments.errors import NotStarted, StartupError
from deployments.ingress.access.keys import new_key
from deployments.ingress.access.launch_key import environment_for
from serve_app import processes
from serve_app.config_file import ConfigFile, read_config
from serve_app.fast_mode import access_by_token, fast_mode, grpc_variables, isolation
from serve_app.preflight import check_grpc_port, check_keys, check_memory, check_port
from serve_app.rollout import START_SECONDS, Report, follow_rollout
from serve_app.service_record import ServiceRecord

# A local service holds little in Ray's object store: in fast mode requests pass it by.
OBJECT_STORE_BYTES = 256 * 1024 * 1024
WATCH_SECONDS = 0.2
POLL_SECONDS = 0.1
ANSWER_SECONDS = 60
DRAIN_MARGIN_SECONDS = 5
STOPPING = (signal.SIGINT, signal.SIGTERM)


class Server:
    """One local service.

    Args:
        config: what to serve.
        report: shows a person a line of progress.
        metrics_port: where Ray's exporter listens, on this machine only; None for a free port.

    Attributes:
        failed: why each version that cannot answer does not, by `model/version`.

    Raises:
        StartupError: the settings are not valid.
    """

    def __init__(self, config: ConfigFile, report: Report, metrics_port: int | None = None) -> None:
        self.settings = config.settings(os.environ)
        self.config = config.with_room_for_models(self.settings)
        self.metrics_url = ""
        self.failed: dict[str, str] = {}
        self._shown: dict[str, str] = {}
        self._metrics_port = metrics_port
        self._report = report
        self._record = ServiceRecord(config.port)
        self._seen: bytes | None = None
        # Of Ray Serve, once it has started.
        self._client: Any = None
        self._stop = threading.Event()
        self._key = new_key()

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://{self.address(self.config.port)}"

    def address(self, port: int) -> str:
        """Return host and port as a client on this machine reaches them."""
        host = self.config.host
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104 - shown, not listened on
        return f"{reachable or (f'[{host}]' if ':' in host else host)}:{port}"

    @property
    def needs_keys(self) -> bool:
        """Whether requests need a key or a token."""
        return self.settings.ingress_settings().access.is_required

    @property
    def credentials(self) -> dict[str, str]:
        """Headers by which this process may ask its own service what its models are."""
        return {"x-api-key": self._key.text} if self.needs_keys else {}

    def check(self) -> None:
        """Make sure that the service can start.

        Raises:
            StartupError: it cannot; the message says what to change.
        """
        check_port(self.config.host, self.config.port)
        check_grpc_port(self.config)
        check_keys(self.settings)
        check_memory(self.settings)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve inside the block; after it, everything is drained and gone.

        Raises:
            StartupError: the service did not start.
        """
        with TemporaryDirectory(prefix="scoring-") as directory, self._stopped_by_signals():
            grpc = grpc_variables(self.config.host, self.settings.ingress.max_body_bytes)
            own = isolation(Path(directory), [self.config.port, self.config.grpc_port])
            os.environ.update({**fast_mode(), **own, **access_by_token(), **grpc, **os.environ})
            os.environ.update(environment_for(self._key) if self.needs_keys else {})
            try:
                self._start()
                yield
            finally:
                self._shut_down()

    def wait(self) -> None:
        """Return when the service is to stop; until then, follow changes of the config file.

        Raises:
            StartupError: Ray went away by itself.
        """
        ray = processes.of_ray()
        while not self._stop.wait(WATCH_SECONDS):
            if not any(process.is_running() for process in ray):
                raise StartupError("Ray stopped unexpectedly; its logs are in session_latest of Ray's own directory.")
            self._follow_config()

    def _follow_config(self) -> None:
        """Take over what the config file says now, if that is valid."""
        text = self._record.text_of_config()
        if text is None or text == self._seen:
            return
        self._seen = text
        try:
            self._change_to(read_config(self._record.config))
        except StartupError as error:
            self._report(f"The config has changed and is not taken over: {error}")
            self._record.write(self.url, text, self.failed, str(error))
        else:
            self._record.write(self.url, text, self.failed)

    def _change_to(self, changed: ConfigFile) -> None:
        settings = changed.settings(os.environ)
        # Where the service listens cannot change while it runs.
        kept = {key: self.config.content[key] for key in ("http_options", "grpc_options") if key in self.config.content}
        config = changed.with_room_for_models(settings).with_content(proxy_location="HeadOnly", **kept)
        schema = config.for_ray()
        self._report("The config has changed")
        self._client.deploy_apps(schema)
        self.config, self.settings = config, settings
        self._follow_rollout()
        # What the gateway loads itself may take as long as an application.
        self._wait_until_answered(START_SECONDS)
        self._report("The changed config is in force")
        for title, why in self.failed.items():
            self._report(f"{title} does not answer: {why}")

    def stop(self) -> None:
        """Make `wait` return; a service that is still starting gives up."""
        self._stop.set()

    def _start(self) -> None:
        # Ray reads its environment variables when it is imported.
        import ray
        from ray.serve._private.api import serve_start

        schema = self.config.for_ray()
        self._report("Starting Ray")
        ray.init(
            address="local",
            namespace="serve",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=OBJECT_STORE_BYTES,
            # Nothing of a service on the loopback address may be reached from elsewhere.
            _node_ip_address="127.0.0.1",
            _metrics_export_port=self._metrics_port,
        )
        node = ray.nodes()[0]  # type: ignore[no-untyped-call]
        self.metrics_url = f"http://127.0.0.1:{node['MetricsExportPort']}/metrics"
        # What concerns a person is reported; the rest is in Ray's own log files.
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        # Ray has put its own handlers in their place.
        self._handle_signals()
        self._report("Starting Ray Serve")
        try:
            client = serve_start(
                http_options=schema.http_options.model_dump(),
                grpc_options=schema.grpc_options.model_dump(),
                proxy_location=schema.proxy_location,
            )
        except ray.exceptions.RayActorError as error:
            raise StartupError(
                "Ray Serve's controller did not start; its logs are in session_latest of Ray's own directory."
            ) from error
        client.deploy_apps(schema)
        self._client = client
        self._follow_rollout()
        self._wait_until_answered()
        if len(self.failed) == len(list(self.settings.versions)):
            raise StartupError(next(iter(self.failed.values())))
        self._seen = self._record.begin(self.url, self.config, self.failed)

    def _follow_rollout(self) -> None:
        follow_rollout(self.config.application, self.config.version_applications, self._report, self._stop, self._shown)

    def _wait_until_answered(self, seconds: float = ANSWER_SECONDS) -> None:
        """Ask over HTTP, as clients will, until every version answers, or says why it cannot."""
        until = time.monotonic() + seconds
        left = [f"{model.name}/{version.name}" for model, version in self.settings.versions]
        self.failed = {}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=10, headers=self.credentials) as client:
            while left:
                if self._stop.wait(POLL_SECONDS):
                    raise StartupError("Stopped before the service was ready.")
                if time.monotonic() > until:
                    raise StartupError(f"{', '.join(left)} does not answer at {self.url}; is a firewall in the way?")
                left = [title for title in left if not self._has_answered(client, title)]

    def _has_answered(self, client: httpx.Client, title: str) -> bool:
        model, _, version = title.partition("/")
        # Each replica of the gateway finds a version for itself, and HAProxy takes them in turn.
        for _ in range(2 * self.settings.ingress.scaling.min_replicas):
            try:
                answer = client.get(f"/v2/models/{model}/versions/{version}/ready")
                problem = {} if answer.is_success else answer.json()
            except (httpx.TransportError, ValueError):
                # Not there yet, or HAProxy says so.
                return False
            if problem.get("code") == NotStarted.code:
                self.failed[title] = problem["detail"]
                return True
            if not answer.is_success:
                return False
        return True

    def _shut_down(self) -> None:
        import ray

        if not ray.is_initialized():
            return
        if processes.of_ray():
            self._drain()
        started = processes.descendants()
        ray.shutdown()
        processes.end(started)
        self._report("Stopped")

    def _drain(self) -> None:
        self._record.end()
        self._report("Draining: what has been accepted is answered, nothing new is accepted")
        accepted_seconds = self.settings.ingress.request_timeout_seconds + DRAIN_MARGIN_SECONDS
        if not processes.drain_haproxy(accepted_seconds):
            from ray import serve

            serve.delete(self.config.application)

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in STOPPING}
        self._handle_signals()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle_signals(self) -> None:
        for number in STOPPING:
            signal.signal(number, lambda _number, _frame: self.stop())
