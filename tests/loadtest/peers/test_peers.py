"""Each peer's settings, its lock, and how it is started."""

import json
import re
from pathlib import Path

import pytest

from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.peers import environments
from loadtest.peers.contestants import Contestant
from loadtest.peers.material import Material, environment, precision_here
from loadtest.peers.models.options import Options
from loadtest.peers.peers import PEERS
from loadtest.peers.running import config_of, options_of, threads_of
from serve_app.settings import ServiceSettings

MATERIAL = Material(Path("faq.joblib"), Path("own"), Path("network"), "bf16", {})
SHARED = ("scikit-learn", "joblib", "numpy", "openvino", "pillow", "scipy", "threadpoolctl", "orjson")
QUESTION = Payload(b'{"input": "How?", "top_k": 3}', "application/json")


def pinned(text):
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("peer", PEERS)
def test_the_models_libraries_are_the_same_everywhere(peer):
    ours = pinned((environments.LOCKS.parent / "dev.txt").read_text(encoding="utf-8"))
    theirs = pinned(environments.lock_of(peer).read_text(encoding="utf-8"))
    assert {name: theirs[name] for name in SHARED} == {name: ours[name] for name in SHARED}
    assert not {"torch", "tensorflow", "ray"} & theirs.keys()
    assert environments.version_of(peer, PEERS[peer].package) == theirs[PEERS[peer].package]


@pytest.mark.parametrize("peer", PEERS)
def test_locks_have_hashes_and_no_host(peer):
    text = environments.lock_of(peer).read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert "://" not in text


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_is_started_by_its_own_python(peer, tmp_path):
    command = PEERS[peer].command(Path("/env/bin/python"), Options("faq", "f", port=1234, workers=2), tmp_path)
    assert command[:2] == ["/env/bin/python", "-m"]
    modules = {word.partition(":")[0] for word in command if word.startswith("loadtest.peers.servers.")}
    assert [(environments.REPOSITORY / f"{each.replace('.', '/')}.py").is_file() for each in modules] == [True]


def test_joined_requests_have_their_own_form():
    bodies = {name: peer.joined_body(QUESTION) for name, peer in PEERS.items() if peer.joined_body}
    assert json.loads(bodies["bentoml"].content) == {"input": ["How?"]}
    assert json.loads(bodies["mlserver"].content)["inputs"][0]["data"] == ["How?"]
    assert PEERS["mlserver"].joined_routes == {"faq": "/v2/models/faq/infer"}


def test_a_network_has_all_cores_or_its_share(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert [threads_of(count) for count in (1, 2, 16)] == [8, 4, 1]
    options = options_of(Contestant("fastapi", "image", 2), MATERIAL, 1234)
    assert (options.workers, options.threads, options.batch, options.precision) == (2, 4, 1, "bf16")
    assert options_of(Contestant("litserve", "faq", 1, joined=True), MATERIAL, 1).batch == 64


def test_options_travel_as_variables(monkeypatch):
    options = Options("image", "/models/x", port=1, workers=2, batch=3, threads=4, streams=5, precision="bf16")
    variables = environment(options)
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["PYTHONPATH"] == str(environments.REPOSITORY)
    for name, value in options.environment().items():
        monkeypatch.setenv(name, value)
    assert Options.from_environment() == options


@pytest.mark.parametrize(
    ("contestant", "expected"),
    [
        (Contestant("ours", "faq", None), {"model": {}}),
        (Contestant("ours", "faq", None, object="own"), {"model": {"model_dir": "own"}}),
        (Contestant("ours", "faq", 2), {"model": {}}),
        (
            Contestant("ours", "image", None),
            {
                "model": {"model_dir": "network", "engine": "openvino", "precision": "bf16"},
                "preprocess": {"scaled_decoding": False},
            },
        ),
    ],
)
def test_ours_is_configured_with_its_defaults(contestant, expected):
    args = config_of(contestant, MATERIAL)["applications"][0]["args"]
    (model,) = args["models"]
    assert model["versions"] == [expected]
    ingress = ServiceSettings.model_validate(args).ingress.scaling
    default = ServiceSettings().ingress.scaling
    replicas = contestant.workers or 1
    assert (ingress.min_replicas, ingress.max_replicas) == (replicas, contestant.workers or default.max_replicas)
    # Otherwise as by default.
    assert ingress.model_copy(update={"min_replicas": 1, "max_replicas": 2}) == default


def test_two_image_replicas_share_the_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    args = config_of(Contestant("ours", "image", 2), MATERIAL)["applications"][0]["args"]
    assert args["models"][0]["versions"][0]["model"]["threads"] == 1
    ServiceSettings.model_validate(args)


@pytest.mark.parametrize(
    ("flags", "precision"), [("fpu avx512_bf16 sse", "bf16"), ("fpu amx_bf16", "bf16"), ("fpu sse", "fp32")]
)
def test_the_precision_is_that_of_the_product(flags, precision, tmp_path):
    (tmp_path / "cpuinfo").write_text(f"model name\t: X\nflags\t\t: {flags}\n", encoding="utf-8")
    assert precision_here(tmp_path / "cpuinfo") == precision
    assert precision_here(tmp_path / "none") == "fp32"


def test_without_uv_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environments, "REPOSITORY", tmp_path)
    assert not environments.is_made("fastapi")
    with pytest.raises(BenchmarkError, match="uv is not installed"):
        environments.make("fastapi")


def test_an_environment_belongs_to_its_lock(monkeypatch, tmp_path):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    (tmp_path / "one.txt").write_text("a==1\n", encoding="utf-8")
    before = environments.environment_of("one")
    (tmp_path / "one.txt").write_text("a==2\n", encoding="utf-8")
    assert environments.environment_of("one") != before
    assert before.parent == tmp_path / "cache" / "peers"
    with pytest.raises(BenchmarkError, match="from a checkout"):
        environments.lock_of("two")
