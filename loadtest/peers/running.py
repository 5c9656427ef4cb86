"""A contestant at work: started, asked until it answers, stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from loadtest.configs import KINDS, Config, arguments, read_config
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.peers.contestants import Contestant
from loadtest.peers.environments import python_of
from loadtest.peers.material import Material, environment
from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import ROUTES
from loadtest.peers.peers import PEERS
from loadtest.ports import free_port
from loadtest.service import Service, post, serving

START_SECONDS = 300
POLL_SECONDS = 0.2

# Nothing is on its way any more when a server is stopped.
STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Attributes:
        service: its processes.
        url: where it scores.
        payloads: what it is sent, in its own form.
    """

    service: Service
    url: str
    payloads: list[Payload]

    def answers(self, count: int) -> list[Any]:
        """Return what it answers to the first payloads, one by one.

        Raises:
            BenchmarkError: it fails at one.
        """
        return [post(self.url, each.content, each.content_type)[0] for each in self.payloads[:count]]

    def memory(self) -> float:
        """Return the memory of all its processes in MiB; what they share counts once (PSS)."""
        total = 0
        for process in self.service.processes():
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        return total / 2**20


class PeerService(Service):
    """A server that says nothing when it is ready, and may not end by itself."""

    def wait_for(self, url: str, payload: Payload) -> None:
        """Return when it answers a request.

        Raises:
            BenchmarkError: it ended, or took too long.
        """
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                post(url, payload.content, payload.content_type)
            except BenchmarkError:
                time.sleep(POLL_SECONDS)
                continue
            self.url = url
            return
        said = " ".join(line for _, line in self.lines[-5:]) or "it said nothing"
        raise BenchmarkError(f"{self.application} did not start: {said}")

    def stop(self) -> None:
        """Stop every process, with SIGKILL where it does not stop within seconds."""
        try:
            started = self.processes()
        except psutil.NoSuchProcess:
            return
        self.terminate()
        _, left = psutil.wait_procs(started, STOP_SECONDS)
        for process in left:
            process.kill()
        self._process.wait()


@contextmanager
def started(contestant: Contestant, material: Material, payloads: Sequence[Payload]) -> Iterator[Running]:
    """Start a contestant; after the block it is gone.

    Raises:
        BenchmarkError: it did not start or did not stop.
    """
    if contestant.is_ours:
        with _ours(contestant, material) as service:
            yield Running(service, f"{service.url}{ROUTES[contestant.model]}", list(payloads))
    else:
        with _peer(contestant, material, payloads) as running:
            yield running


@contextmanager
def _peer(contestant: Contestant, material: Material, payloads: Sequence[Payload]) -> Iterator[Running]:
    peer = PEERS[contestant.server]
    options = options_of(contestant, material, free_port())
    route = ROUTES[contestant.model]
    bodies = list(payloads)
    if contestant.joined:
        route = peer.joined_routes.get(contestant.model, route)
        bodies = [peer.joined_body(each) for each in payloads] if peer.joined_body else bodies
    with TemporaryDirectory(prefix="loadtest-") as directory:
        process = subprocess.Popen(
            peer.command(python_of(peer.name), options, Path(directory)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=directory,
            env={**environment(options), **peer.environment},
            start_new_session=True,
        )
        service = PeerService(process, contestant.title)
        url = f"http://127.0.0.1:{options.port}{route}"
        try:
            service.wait_for(url, bodies[0])
            yield Running(service, url, bodies)
        finally:
            service.stop()


def options_of(contestant: Contestant, material: Material, port: int) -> Options:
    """Return how a peer is started: all cores for one worker's network, their share for several."""
    workers = contestant.workers or 1
    return Options(
        model=contestant.model,
        file=str(material.file(contestant.model)),
        port=port,
        workers=workers,
        batch=contestant.batch,
        threads=threads_of(workers),
        streams=contestant.streams,
        precision=material.precision,
    )


def threads_of(workers: int) -> int:
    """Return the threads of one worker's network."""
    return max(1, len(os.sched_getaffinity(0)) // workers)


@contextmanager
def _ours(contestant: Contestant, material: Material) -> Iterator[Service]:
    config = config_of(contestant, material)
    if contestant.model == "faq" and contestant.object == "same":
        command = [sys.executable, "-m", "loadtest.in_process.same_object"]
        with serving(config, command=command, environment={"SAME_OBJECT": str(material.faq)}) as service:
            yield service
    else:
        with serving(config) as service:
            yield service


def config_of(contestant: Contestant, material: Material) -> Config:
    """Return our service's config: nothing but the model, and how many replicas where that is not the default."""
    model: dict[str, Any] = {}
    version: dict[str, Any] = {"model": model}
    if contestant.model == "image":
        # The peers decode whole images too.
        version["preprocess"] = {"scaled_decoding": False}
        model |= {"model_dir": str(material.network), "engine": "openvino", "precision": material.precision}
    elif contestant.object == "own":
        model["model_dir"] = str(material.own_faq)
    config = read_config(None)
    if contestant.workers is not None:
        replicas = {"min_replicas": contestant.workers, "max_replicas": contestant.workers}
        if contestant.model == "image":
            version["scaling"] = replicas
            model["threads"] = threads_of(contestant.workers)
        else:
            # The ingress has the model.
            arguments(config)["ingress"] = {"scaling": replicas}
    kind = {"kind": KINDS[contestant.model], "name": contestant.model, "versions": [version]}
    arguments(config)["models"] = [kind]
    return config
