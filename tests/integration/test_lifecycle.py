"""Starting and stopping: nothing accepted is lost, nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from payloads import JPEG, photo
from services import ROOT, SCORING, free_port, write_config

# Slow enough that requests run while the service is told to stop.
SLOW_IMAGE = {
    "kind": "image_classifier",
    "versions": [{"model": {"architecture": "resnet152", "weights": "DEFAULT", "download": False}}],
}
FAQ = {"kind": "faq_matcher"}


def ended(*arguments, environment=None):
    """Run `scoring serve` to its end."""
    return subprocess.run(
        [SCORING, "serve", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def ray_processes():
    """Those of this user: containers on this machine have Rays of their own."""
    names, user = ("raylet", "gcs_server", "haproxy"), psutil.Process().username()
    return {
        p.pid
        for p in psutil.process_iter(["name", "username"])
        if p.info["name"] in names and p.info["username"] == user
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_that_were_accepted_are_answered_and_nothing_is_left(serve, tmp_path, number):
    service = serve("--config", write_config(tmp_path / "c.yaml", {"models": [FAQ, SLOW_IMAGE]}))
    service.wait_for("Everything else")
    image = photo()
    started, answers = threading.Semaphore(0), []

    def ask_until_refused():
        while True:
            try:
                with httpx.Client(base_url=service.url, trust_env=False, timeout=60) as client:
                    request = client.build_request("POST", "/image/score", content=image, headers=JPEG)
                    started.release()
                    answers.append(client.send(request).status_code)
            except httpx.ConnectError:
                return
            except httpx.TransportError as error:
                answers.append(repr(error))
                return

    with ThreadPoolExecutor(6) as clients:
        for _ in range(6):
            clients.submit(ask_until_refused)
        for _ in range(18):
            started.acquire()
        left = service.stop(number)
    assert left == []
    assert service.process.returncode == 0
    assert "Draining" in service.output
    assert len(answers) >= 12
    assert set(answers) == {200}


def test_a_second_service_starts_where_the_first_was(serve, tmp_path):
    config = write_config(tmp_path / "c.yaml", {"models": [FAQ]})
    port = free_port()
    for _ in range(2):
        service = serve("--config", config, "--port", port)
        service.wait_for("Everything else")
        assert httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", trust_env=False).status_code == 200
        assert service.stop() == []


def test_two_services_run_side_by_side(serve, service, tmp_path):
    other = serve("--config", write_config(tmp_path / "c.yaml", {"models": [{**FAQ, "name": "other"}]}))
    other.wait_for("Everything else")
    assert other.client.post("/other/score", json={"input": "port"}).status_code == 200
    assert service.client.post("/faq/score", json={"input": "port"}).status_code == 200
    assert other.stop() == []
    assert service.client.post("/faq/score", json={"input": "port"}).status_code == 200


def test_only_the_loopback_address_is_listened_on(service):
    open_ports = {
        (c.laddr.ip, p.name())
        for p in service.children()
        for c in p.net_connections("tcp")
        if c.status == psutil.CONN_LISTEN and c.laddr.port == service.port
    }
    assert {ip for ip, _ in open_ports} == {"127.0.0.1"}


def test_nobody_gets_into_ray_without_its_token(service):
    (gcs,) = [p for p in service.children() if p.name() == "gcs_server"]
    ports = [c.laddr.port for c in gcs.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    join = "import ray, sys; ray.init(address='127.0.0.1:' + sys.argv[1]); print('joined')"
    token = gcs.environ()["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    assert token not in service.output
    for environment, joins in (({}, False), ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}, True)):
        run = subprocess.run(
            [sys.executable, "-c", join, str(ports[0])],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **environment},
        )
        assert ("joined" in run.stdout) == joins, run.stderr


def test_a_taken_port_ends_in_one_sentence(tmp_path):
    before = ray_processes()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = ended("--port", port)
    assert run.returncode == 1
    wanted = f"Error: Port {port} on 127.0.0.1 is taken; stop what uses it, or choose another with --port.\n"
    assert run.stderr == wanted
    assert ray_processes() <= before


def test_a_broken_config_names_every_error(tmp_path):
    args = {"profile": "locl", "models": [{"kind": "faq_matcher", "versions": [{"scaling": {"max_replica": 2}}]}]}
    run = ended("--config", write_config(tmp_path / "c.yaml", args), "--port", free_port())
    assert run.returncode == 1
    assert "profile: must be 'local' or 'production', not 'locl'" in run.stderr
    assert "scaling.max_replica: unknown key; did you mean max_replicas?" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_model_that_cannot_load_ends_in_one_sentence_with_nothing_left(tmp_path):
    before = ray_processes()
    model = {"architecture": "resnet18", "weights": "DEFAULT", "download": False}
    args = {"profile": "production", "models": [{"kind": "image_classifier", "versions": [{"model": model}]}]}
    run = ended("--config", write_config(tmp_path / "c.yaml", args), "--port", free_port())
    assert run.returncode == 1
    (sentence,) = run.stderr.strip().splitlines()
    assert sentence.startswith("Error: ")
    assert "weights" in sentence
    assert "Traceback" not in run.stdout + run.stderr
    assert ray_processes() <= before


def test_plain_serve_run_works_and_warns_that_it_is_slower(tmp_path):
    """Ray Serve's own command runs the same file, without the fast mode."""
    port = free_port()
    config = write_config(tmp_path / "c.yaml", {"models": [FAQ]})
    config.write_text(config.read_text() + f"http_options:\n  port: {port}\n")
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [SCORING.with_name("serve"), "run", config], stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
    )
    try:
        until = time.monotonic() + 180
        while process.poll() is None and time.monotonic() < until:
            try:
                response = httpx.post(f"http://127.0.0.1:{port}/faq/score", json={"input": "port"}, trust_env=False)
            except httpx.TransportError:
                continue
            if response.status_code == 200:
                break
        assert response.json()["result"][0][0]
        assert len(response.headers.get_list("x-request-id")) == 1
        logs = log.seek(0) or log.read()
        assert "fast mode" in logs, logs
    finally:
        # Not SIGINT: shells have background jobs ignore it, and so would this process.
        process.terminate()
        process.wait(60)
