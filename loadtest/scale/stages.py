"""What is measured as it grows: the two models, and one that waits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.configs import KINDS, Config, arguments, scaled
from loadtest.options import Stage
from loadtest.payloads import Payload, photo_payloads, question_payloads
from loadtest.scale.cluster import cluster
from loadtest.service import Service, serving
from loadtest.throughput import checked

WAITING_APP = "loadtest.in_process.waiting_app"
WAITING = "waiting"

# Nothing but the replicas is to limit what is measured: no request is refused for want of a place to wait in.
QUEUE = 10_000
_INGRESS_AT_ONCE = 256


# Requests that one replica works on at once, as the product has it without a config.
AT_ONCE = {Stage.FAQ: 64, Stage.IMAGE: 8, Stage.WAITING: 8}


@dataclass(frozen=True, slots=True)
class Served:
    """A service with one model.

    Attributes:
        service: the running service.
        url: where the model scores.
        deployment: of the model's replicas.
    """

    service: Service
    url: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Subject:
    """How to serve one stage.

    Attributes:
        stage: which.
        config: the product's, for its two models.
        payloads: what to send.
        wait_ms: of the stage that waits, for each request.
        environment: returns Ray Serve's variables for the stage that waits, see `product_environment`.
    """

    stage: Stage
    config: Config
    payloads: list[Payload]
    wait_ms: float
    environment: Callable[[], Mapping[str, str]]

    @contextmanager
    def served(self, scaling: Mapping[str, Any], *, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
        """Serve the stage on one node; after the block it is stopped.

        Args:
            scaling: of its replicas, in the product's settings.
            environment: variables beside those of this process.

        Raises:
            BenchmarkError: it did not start, or does not answer.
        """
        if self.stage is Stage.WAITING:
            config = waiting_config(self.wait_ms, {"max_concurrent_requests": AT_ONCE[self.stage], **scaling})
            with cluster(config, environment=self.environment(), more=environment) as running:
                yield self._checked(running.service, WAITING, f"{WAITING}-1")
        else:
            config, deployment = product_config(self.config, self.stage, scaling)
            with serving(config, environment=environment) as service:
                yield self._checked(service, deployment.rpartition("-")[0], deployment)

    def _checked(self, service: Service, model: str, deployment: str) -> Served:
        return Served(service, checked(service, model, self.payloads), deployment)


def payloads_of(stage: Stage, questions: Path | None, photos: Path | None) -> list[Payload]:
    """Return what to send to a stage."""
    return photo_payloads(photos) if stage is Stage.IMAGE else question_payloads(questions)


def fixed(replicas: int, **more: Any) -> dict[str, Any]:
    """Return the scaling of a stage that has so many replicas all the time."""
    return {"min_replicas": replicas, "max_replicas": replicas, **more}


def product_config(config: Config, stage: Stage, scaling: Mapping[str, Any]) -> tuple[Config, str]:
    """Keep one model with a scaling, and let every request in; return the name of the model's deployment, too."""
    kind = KINDS[stage.value]
    settings: dict[str, Any] = {"max_queued_requests": QUEUE, **scaling}
    plain, deployment = scaled(config, kind)
    version = arguments(plain)["models"][0]["versions"][0]
    if "max_concurrent_requests" not in version["scaling"]:
        settings = {"max_concurrent_requests": AT_ONCE[stage], **settings}
    config, _ = scaled(config, kind, **settings)
    settings = arguments(config)
    settings["ingress"]["scaling"]["max_queued_requests"] = QUEUE
    if stage is Stage.IMAGE:
        settings["models"][0]["versions"][0]["preprocess_scaling"]["max_queued_requests"] = QUEUE
    return config, deployment


def waiting_config(
    wait_ms: float,
    scaling: Mapping[str, Any],
    *,
    ingress: Mapping[str, Any] | None = None,
    places: Mapping[str, str] | None = None,
) -> Config:
    """Return a config of the product's own path with a model that waits.

    Args:
        wait_ms: for each request, one after the other in each replica.
        scaling: of its replicas.
        ingress: of the ingress's, one replica if left out.
        places: `place` and `ingress_place`, resources of the nodes where replicas are to run.
    """
    places = places or {}
    gateway = {
        "model": WAITING,
        "scaling": {
            "max_concurrent_requests": _INGRESS_AT_ONCE,
            "max_queued_requests": QUEUE,
            **fixed(1),
            **(ingress or {}),
        },
        "place": places.get("ingress_place"),
    }
    name = f"{WAITING}-1"
    version = {
        "name": name,
        "wait_ms": wait_ms,
        "scaling": {"max_queued_requests": QUEUE, **scaling},
        "place": places.get("place"),
    }
    return {
        "applications": [
            application(WAITING, f"{WAITING_APP}:gateway", "/", gateway),
            application(name, f"{WAITING_APP}:version", None, version),
        ]
    }


def application(name: str, import_path: str, route_prefix: str | None, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return one application of Ray Serve's config."""
    return {
        "name": name,
        "import_path": import_path,
        "route_prefix": route_prefix,
        "args": copy.deepcopy(dict(args)),
    }


# What a process is for, by its role; replicas of a stage behind the ingress are `models`.
KINDS_OF_PROCESSES = ("HAProxy", "ingress", "models", "Ray")


def by_kind(roles: Mapping[str, float], ingress: Sequence[str] = ("ingress",)) -> dict[str, float]:
    """Add up what roles took by what they are for.

    Args:
        roles: seconds by role.
        ingress: deployments that answer over HTTP; all others are models.
    """
    found = dict.fromkeys(KINDS_OF_PROCESSES, 0.0)
    for role, seconds in roles.items():
        found[_kind(role, ingress)] += seconds
    return found


def _kind(role: str, ingress: Sequence[str]) -> str:
    if role == "HAProxy":
        return role
    if not role.startswith("replica "):
        return "Ray"
    return "ingress" if role.removeprefix("replica ").split(" ")[0] in ingress else "models"
