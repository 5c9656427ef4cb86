"""The client of the product against a running service whose requests need keys."""

import asyncio
import inspect
import json
import time

import pytest
from payloads import photo
from services import Service, write_config
from typer.testing import CliRunner

from serve_app.client import (
    AsyncScoringClient,
    Forbidden,
    InvalidInput,
    Keys,
    NotFound,
    ScoringClient,
    Unauthenticated,
)
from serve_app.faq.asking import ask, ask_all
from serve_app.image.classifying import classify, classify_all
from serve_app.score.commands import app

KNOWN = "How do I serve on a different port than 8000?"
UNKNOWN = "Which cheese goes with a lasagna for eleven guests?"

# What the product promises: on every replica, a change of keys holds by then.
SECONDS = 5

KINDS = {"sync": ScoringClient, "async": AsyncScoringClient}


@pytest.fixture(scope="module")
def clients(keys):
    """The keys of clients, made before the service starts, so that every replica knows them."""
    names = ["batch", *(f"{name}-{kind}" for name in ("rotated", "tokens") for kind in KINDS)]
    made = {name: keys("create", name, "--json") for name in names}
    made["faq-only"] = keys("create", "faq-only", "--json", "--role", "scoring.invoke:faq")
    return {name: Keys(created["primaryKey"], created["secondaryKey"]) for name, created in made.items()}


@pytest.fixture(scope="module")
def service(directory, clients, tmp_path_factory):
    """Two replicas of the ingress, the FAQ, and a small network with seeded weights."""
    args = {
        "ingress": {
            "access": {"required": True, "directory": str(directory)},
            "scaling": {"min_replicas": 2, "max_replicas": 2},
        },
        "models": [
            {"kind": "faq_matcher"},
            {
                "kind": "image_classifier",
                "versions": [{"model": {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False}}],
            },
        ],
    }
    service = Service("--config", write_config(tmp_path_factory.mktemp("client") / "c.yaml", args))
    service.wait_for("Everything else")
    yield service
    assert service.stop() == []


@pytest.fixture(scope="module")
def batch(clients):
    return clients["batch"]


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def connect(kind, service):
    """Call methods of a client of each kind in turn."""

    def connect(credentials, **options):
        client = KINDS[kind](service.url, credentials=credentials, **options)

        async def call(method, *arguments, **named):
            method = getattr(client, method)
            if inspect.iscoroutinefunction(method):
                return await method(*arguments, **named)
            return await asyncio.to_thread(method, *arguments, **named)

        return call

    return connect


async def test_questions(connect, batch):
    call = connect(batch)
    result = await call("call", ask(KNOWN, top_k=2, answers=True, explain=True))
    assert result.best.id == 3
    assert result.best.answer
    assert len(result.matches) == 2
    why = result.best.explanation
    assert sum(term.weight for term in why.terms) + why.other == pytest.approx(why.score, abs=1e-3)
    assert (result.origin.model, result.origin.version, result.origin.weights) == ("faq", "1", "trained")
    assert result.origin.seconds["total"] > 0
    known, unknown = await call("call", ask_all([KNOWN, UNKNOWN], threshold="trained"))
    assert (known.best.id, unknown.best, unknown.matched) == (3, None, False)
    many = await call("call", ask_all([KNOWN] * 500, top_k=1))
    assert {result.best.id for result in many} == {3}


async def test_images(connect, batch, tmp_path):
    call = connect(batch)
    pictures = [photo(), photo(kind="PNG"), photo((64, 64))]
    (tmp_path / "a.png").write_bytes(pictures[1])
    alone = [await call("call", classify(picture, top_k=5)) for picture in pictures]
    together = await call("call", classify_all([pictures[0], tmp_path / "a.png", pictures[2]], top_k=5))
    for one, other in zip(alone, together, strict=True):
        assert len(one.classes) == 5
        assert [each.probability for each in other.classes] == pytest.approx(
            [each.probability for each in one.classes], abs=1e-3
        )
    streamed = await call("call", classify(iter([pictures[0][:1000], pictures[0][1000:]]), top_k=1))
    assert streamed.best.label == alone[0].best.label
    assert streamed.origin.weights == "untrained"
    told = (await call("call", classify(pictures[0], explain_class=7))).explanation
    assert told.class_index == 7
    assert told.heat_map.startswith(b"\x89PNG")
    with pytest.raises(InvalidInput) as error:
        await call("call", classify_all([pictures[0], b"not an image"]))
    assert error.value.code == "invalid_image"
    assert "image-2" in error.value.detail


async def test_any_model_is_asked_by_what_it_says_of_itself(connect, batch):
    call = connect(batch)
    matches = await call("predict", "faq", [KNOWN, UNKNOWN], parameters={"top_k": 1})
    assert matches["ids"][0] == [3]
    assert (matches.origin.model, matches.origin.version) == ("faq", "1")
    told = await call("predict", "image", photo(), parameters={"top_k": 2}, outputs=["labels", "probabilities"])
    alone = await call("call", classify(photo(), top_k=2))
    assert told["labels"] == [[each.label for each in alone.classes]]
    with pytest.raises(ValueError, match="top_k"):
        await call("predict", "faq", KNOWN, parameters={"top_k": 0})


async def test_descriptions_and_readiness(connect, batch):
    call = connect(batch)
    assert await call("is_ready")
    await call("wait_until_ready", 60, model="image")
    told = await call("describe", "faq")
    assert (told.name, told.versions, told.platform) == ("faq", ("1",), "numba")
    with pytest.raises(NotFound):
        await call("call", ask(KNOWN, version="2"))


async def test_nobody_gets_in_without_a_key_or_a_role(connect, clients):
    with pytest.raises(Unauthenticated) as error:
        await connect(None)("call", ask(KNOWN))
    assert error.value.request_id
    with pytest.raises(Unauthenticated):
        await connect("wrong")("call", ask(KNOWN))
    assert await connect(None)("is_ready")
    keys = clients["faq-only"]
    assert (await connect(keys)("call", ask(KNOWN))).matched
    with pytest.raises(Forbidden):
        await connect(keys)("call", classify(photo()))


async def test_a_client_with_two_keys_never_notices_that_one_is_rotated(connect, kind, clients, keys):
    name = f"rotated-{kind}"
    held = clients[name]
    call, alone = connect(held), connect(held.primary)
    await call("call", ask(KNOWN))
    keys("rotate", name, "primary", "--json")
    until = time.monotonic() + SECONDS + 1
    while time.monotonic() < until:
        assert (await call("call", ask(KNOWN, top_k=1))).best.id == 3
    with pytest.raises(Unauthenticated):
        await alone("call", ask(KNOWN))
    assert (await call("call", ask(KNOWN, top_k=1))).best.id == 3


async def test_a_client_with_tokens_gets_another_when_all_are_ended(connect, kind, clients, keys):
    held = clients[f"tokens-{kind}"]
    call = connect(Keys(held.primary, held.secondary, with_tokens=True))
    await asyncio.gather(*(call("call", ask(KNOWN, top_k=1)) for _ in range(8)))
    keys("rotate-signing", "--now")
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        # Until every replica knows the new signing key, one may refuse what another has just signed.
        try:
            await call("call", ask(KNOWN, top_k=1))
        except Unauthenticated:
            continue
    for _ in range(8):
        assert (await call("call", ask(KNOWN, top_k=1))).best.id == 3


async def test_a_function_brings_a_token(connect, service, batch):
    answer = service.client.post("/api/v1/service/faq/token", headers={"x-api-key": batch.primary})
    token = answer.json()["accessToken"]
    assert (await connect(lambda: token)("call", ask(KNOWN, top_k=1))).best.id == 3


def test_the_command_line(service, batch, tmp_path):
    (tmp_path / "key").write_text(batch.primary)
    (tmp_path / "a.jpg").write_bytes(photo())

    def run(*arguments):
        common = ["--url", service.url, "--key-file", str(tmp_path / "key")]
        return CliRunner().invoke(app, [*map(str, arguments), *common], env={"COLUMNS": "200"}, catch_exceptions=False)

    result = run("faq", KNOWN, "--answers")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1].split()[:2] == ["3", "301"]
    result = run("image", tmp_path / "a.jpg", "--heat-maps", tmp_path / "maps", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert len(told["classes"]) == 3
    assert (tmp_path / "maps" / "a.jpg.heat-map.png").read_bytes().startswith(b"\x89PNG")
    assert told["explanation"]["heat_map"].endswith("a.jpg.heat-map.png")
    assert run("image", tmp_path / "key").exit_code == 1
    result = run("model", "faq", KNOWN, "--param", "top_k=1", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["outputs"][0]["data"] == [3]
    assert run("model", "faq", "--example").exit_code == 0
