"""What the application lets in, over HTTP."""

import base64

import httpx
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator
from starlette.requests import Request

from deployments.errors import Unauthenticated
from deployments.ingress.access import watched
from deployments.ingress.access.guard import Guard, anybody
from deployments.ingress.access.keys import new_key
from deployments.ingress.access.launch_key import LAUNCH_VARIABLE, environment_for
from deployments.ingress.access.principals import ANYBODY, principal_of
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.settings import IngressSettings

OPEN = ["/", "/v2/health/live", "/v2/health/ready"]
CLOSED = [
    "/version",
    "/docs",
    "/swagger.json",
    "/v2",
    "/v2/models/faq",
    "/v2/models/faq/ready",
    "/v2/models/faq/versions/1",
    "/v2/models/faq/versions/1/ready",
    "/api/v1/service/faq/",
    "/api/v1/service/faq/swagger.json",
]
QUESTION = {"inputs": [{"name": "question", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}
PIXELS = {"inputs": [{"name": "pixels", "shape": [1, 1, 1, 3], "datatype": "UINT8", "data": [1, 2, 3]}]}
IMAGE = base64.b64encode(b"IMG").decode()
SCORING = [
    ("faq", "/score", {"input": "x"}),
    ("faq", "/faq/score", {"input": "x"}),
    ("faq", "/faq/versions/2/score", {"input": "x"}),
    ("faq", "/api/v1/service/faq/score", {"data": ["x"]}),
    ("faq", "/v2/models/faq/infer", QUESTION),
    ("faq", "/v2/models/faq/versions/2/infer", QUESTION),
    ("image", "/score", {"input": {"a": IMAGE}}),
    ("image", "/image/score", {"input": {"a": IMAGE}}),
    ("image", "/image/versions/1/score", {"input": {"a": IMAGE}}),
    ("image", "/api/v1/service/image/score", {"data": [IMAGE]}),
    ("image", "/v2/models/image/infer", PIXELS),
]


@pytest.fixture(autouse=True)
def looking_each_time(monkeypatch):
    """A change holds at the next request."""
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0)


@pytest.fixture
def batch(directory):
    return directory.create("batch", ["scoring.invoke"])


def is_refused(response, status=401):
    assert response.status_code == status, response.text
    path = response.request.url.path
    of_inference = path == "/v2" or path.startswith("/v2/")
    assert response.headers["content-type"] == ("application/json" if of_inference else "application/problem+json")
    assert response.json().get("error") == (response.json()["detail"] if of_inference else None)
    of_azure = path.startswith("/api/v1/service/")
    assert response.headers.get("x-ms-request-id") == (response.headers["x-request-id"] if of_azure else None)
    assert response.headers["www-authenticate"].startswith('Bearer realm="scoring"')
    assert response.json()["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("path", OPEN)
async def test_health_is_open(client, path):
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", CLOSED)
async def test_everything_else_needs_a_key(client, batch, path):
    is_refused(await client.get(path))
    assert (await client.head(path)).status_code == 401
    assert (await client.get(path, headers={"x-api-key": batch.primary.text})).status_code == 200


def client_below(root, application):
    """A client by way of a root path, where the router finds what is otherwise found by the short way."""
    transport = httpx.ASGITransport(application, root_path=root)
    return httpx.AsyncClient(transport=transport, base_url=f"http://scoring{root}")


@pytest.mark.parametrize("root", ["", "/below"])
@pytest.mark.parametrize("model", ["faq", "image"])
async def test_no_route_is_open_by_mistake(application, model, root):
    async with client_below(root, application) as client:
        for route in application.routes:
            path = route.path.replace("{model}", model).replace("{version}", "1")
            if path in OPEN or "assets" in path:
                continue
            for method in route.methods:
                assert (await client.request(method, path)).status_code == 401, (method, path)


@pytest.mark.parametrize("root", ["", "/below"])
@pytest.mark.parametrize("way", SCORING, ids=lambda way: " ".join(way[:2]))
async def test_each_way_to_score_asks_for_the_role_of_its_model(application, directory, root, way):
    model, path, body = way
    other = {"faq": "image", "image": "faq"}[model]
    keys = {name: directory.create(name, [f"scoring.invoke:{name}"]).primary.text for name in (model, other)}
    boss = directory.create("boss", ["scoring.admin"]).primary.text
    async with client_below(root, application) as client:
        for key, status in ((keys[model], 200), (keys[other], 403), (boss, 403)):
            response = await client.post(path, json=body, headers={"x-api-key": key})
            assert response.status_code == status, response.text
    assert response.headers["www-authenticate"].startswith('Bearer realm="scoring", error="insufficient_scope"')


async def test_refusals_have_the_form_of_each_protocol(client, directory):
    key = directory.create("one", ["scoring.invoke:faq"]).primary.text
    for path, body in (("/image/score", {}), ("/api/v1/service/image/score", {}), ("/v2/models/image/infer", {})):
        is_refused(await client.post(path, json=body))
        is_refused(await client.post(path, json=body, headers={"x-api-key": key}), 403)
    is_refused(await client.post("/score", json={"input": {"a": IMAGE}}, headers={"x-api-key": key}), 403)


async def test_a_body_is_not_read_for_whom_no_model_may_answer(client, directory):
    boss = directory.create("boss", ["scoring.admin"]).primary.text
    is_refused(await client.post("/score", content=b"{", headers={"x-api-key": boss}), 403)
    one = directory.create("one", ["scoring.invoke:image"]).primary.text
    assert (await client.post("/score", content=b"{", headers={"x-api-key": one})).status_code == 400


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "api-key"])
async def test_a_key_is_taken_from_each_header(client, batch, name):
    value = f"Bearer {batch.secondary.text}" if name == "authorization" else batch.secondary.text
    response = await client.post("/faq/score", json={"input": "x"}, headers={name: value})
    assert response.status_code == 200


async def test_a_request_without_a_key_is_told_how(client):
    response = await client.post("/faq/score", json={"input": "x"})
    is_refused(response)
    assert response.headers["www-authenticate"] == 'Bearer realm="scoring"'
    assert "Authorization: Bearer" in response.json()["detail"]


async def test_a_key_in_the_query_is_none(client, batch):
    response = await client.post(f"/faq/score?x-api-key={batch.primary.text}&code={batch.primary.text}", json={})
    is_refused(response)
    assert batch.primary.text not in response.text


async def test_a_wrong_key_is_refused_whatever_is_wrong_in_the_same_words(ask, batch):
    other = new_key()
    texts = [other.text, f"scoring_{batch.primary.id}_{other.secret}", f"scoring_{other.id}_{batch.primary.secret}"]
    answers = [await ask(text) for text in texts]
    for answer in answers:
        is_refused(answer)
    assert {answer.json()["detail"] for answer in answers} == {"The key is not known."}
    is_refused(await ask("password"))


async def test_the_model_is_not_reached_without_a_key(ask, faq):
    await ask(new_key().text)
    assert faq.items == []


async def test_keys_are_created_rotated_and_revoked_while_serving(ask, directory):
    is_refused(await ask(new_key().text))
    new = directory.create("batch", ["scoring.invoke"])
    assert (await ask(new.primary.text)).status_code == 200
    rotated = directory.rotate("batch", "primary")
    assert [(await ask(key.text)).status_code for key in (new.primary, new.secondary, rotated)] == [401, 200, 200]
    directory.revoke("batch", "secondary")
    assert [(await ask(key.text)).status_code for key in (new.secondary, rotated)] == [401, 200]
    directory.grant("batch", ["scoring.invoke:image"])
    is_refused(await ask(rotated.text), 403)
    directory.revoke("batch", None)
    is_refused(await ask(rotated.text))


async def test_a_token_ends_with_its_key(ask, client, directory, batch):
    async def token(key):
        response = await client.post("/api/v1/service/faq/token", headers={"x-api-key": key.text})
        return response.json()["accessToken"]

    first, second = await token(batch.primary), await token(batch.secondary)
    assert [(await ask(each)).status_code for each in (first, second)] == [200, 200]
    directory.rotate("batch", "primary")
    assert [(await ask(each)).status_code for each in (first, second)] == [401, 200]
    directory.revoke("batch", None)
    assert (await ask(second)).status_code == 401


async def test_signing_keys_are_rotated_while_serving(ask, client, directory, batch):
    response = await client.post("/api/v1/service/faq/token", headers={"x-api-key": batch.primary.text})
    token = response.json()["accessToken"]
    directory.rotate_signing(at_once=False)
    assert (await ask(token)).status_code == 200
    directory.rotate_signing(at_once=True)
    # What was verified a moment ago is known for two seconds; another replica refuses it at once.
    other = Guard(lambda: _ingress(AccessSettings(required=True, directory=directory.path)))
    with pytest.raises(Unauthenticated):
        await other.admit([(b"x-api-key", token.encode())])


def _ingress(access):
    return IngressSettings(access=access)


async def test_damaged_files_keep_in_whom_they_knew(ask, directory, batch):
    assert (await ask(batch.primary.text)).status_code == 200
    (directory.path / "keys.json").write_text("{")
    assert (await ask(batch.primary.text)).status_code == 200
    (directory.path / "keys.json").unlink()
    assert (await ask(batch.primary.text)).status_code == 200


async def test_damaged_files_that_were_never_whole_let_nobody_in(ask, directory, batch):
    (directory.path / "keys.json").write_text("{")
    response = await ask(batch.primary.text)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert str(directory.path) not in response.text


async def test_roles_decide_what_is_scored_and_described(client, directory):
    one = directory.create("one", ["scoring.invoke:faq"]).primary.text
    boss = directory.create("boss", ["scoring.admin"]).primary.text

    async def status(key, method, path):
        return (await client.request(method, path, headers={"x-api-key": key}, json={"input": "x"})).status_code

    assert await status(one, "POST", "/faq/score") == 200
    assert await status(one, "POST", "/image/score") == 403
    assert await status(one, "GET", "/v2/models/faq") == 200
    assert await status(one, "GET", "/v2/models/image") == 403
    assert await status(one, "GET", "/v2/models/nothing") == 403
    assert await status(boss, "POST", "/faq/score") == 403
    assert await status(boss, "GET", "/v2/models/image") == 200
    assert await status(boss, "GET", "/v2/models/nothing") == 404
    assert await status(one, "GET", "/version") == 200


async def test_a_missing_role_is_named(ask, directory):
    key = directory.create("one", ["scoring.invoke:faq"]).primary.text
    response = await ask(key, "/image/score")
    is_refused(response, 403)
    assert "scoring.invoke:image" in response.json()["detail"]
    assert response.headers["www-authenticate"].endswith('error="insufficient_scope", scope="scoring.invoke:image"')


async def test_documents_are_open_where_the_settings_say(client, limits):
    limits["access"] = limits["access"].model_copy(update={"open_docs": True})
    for path in ("/version", "/docs", "/swagger.json", "/v2"):
        assert (await client.get(path)).status_code == 200
    assert (await client.get("/api/v1/service/faq/swagger.json")).status_code == 401
    assert (await client.get("/v2/models/faq")).status_code == 401


async def test_the_document_says_what_needs_a_key(client, batch):
    document = (await client.get("/swagger.json", headers={"x-api-key": batch.primary.text})).json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "x-api-key", "api-key"}
    for path, item in document["paths"].items():
        for operation in item.values():
            assert bool(operation.get("security")) is (path not in OPEN)
            assert ({"401", "403"} <= operation["responses"].keys()) is (path not in OPEN)
    refused = document["paths"]["/v2/models/{model}/infer"]["post"]["responses"]["401"]["content"]
    assert refused["application/json"]["schema"]["$ref"].endswith("/InferenceProblem")


async def test_a_service_s_swagger_says_whether_it_needs_a_key(client, batch, limits):
    path, headers = "/api/v1/service/faq/swagger.json", {"x-api-key": batch.primary.text}
    document = (await client.get(path, headers=headers)).json()
    OpenAPIV2SpecValidator(document).validate()
    assert document["security"] == [{"Bearer": []}]
    assert document["securityDefinitions"]["Bearer"]["name"] == "Authorization"
    limits["access"] = AccessSettings(required=False)
    assert not {"security", "securityDefinitions"} & (await client.get(path)).json().keys()


async def test_where_no_key_is_required_anybody_may(limits, client):
    limits["access"] = AccessSettings(required=False)
    assert (await client.post("/faq/score", json={"input": "x"})).status_code == 200
    document = (await client.get("/swagger.json")).json()
    assert "securitySchemes" not in document["components"]
    assert "401" not in document["paths"]["/faq/score"]["post"]["responses"]


@pytest.fixture
def guard(directory):
    settings = {"access": AccessSettings(required=True, directory=directory.path)}
    guard = Guard(lambda: _ingress(settings["access"]))
    guard.settings = settings
    return guard


async def test_who_sent_a_request_is_known_to_its_handler(guard, directory):
    seen = []

    async def handler(request):
        seen.append(principal_of(request))

    def request(*headers):
        return Request({"type": "http", "headers": list(headers)})

    key = directory.create("boss", ["scoring.admin"]).primary
    await guard(handler, anybody)(request((b"x-api-key", key.text.encode())))
    guard.settings["access"] = AccessSettings(required=False)
    await guard(handler, anybody)(request())
    assert (seen[0].client_id, seen[0].method, seen[0].key_id) == ("boss", "key", key.id)
    assert seen[1] is ANYBODY


async def test_settings_hold_as_soon_as_they_change(guard, directory, tmp_path):
    key = directory.create("a", ["scoring.invoke"]).primary
    header = [(b"x-api-key", key.text.encode())]
    assert (await guard.admit(header)).client_id == "a"
    guard.settings["access"] = AccessSettings(required=True, directory=tmp_path / "other")
    with pytest.raises(Unauthenticated):
        await guard.admit(header)
    guard.settings["access"] = AccessSettings(directory=directory.path)
    assert (await guard.admit(header)).client_id == "a"


async def test_the_key_of_who_started_the_service_opens_what_administrators_may(directory, monkeypatch):
    key = new_key()
    for name, value in environment_for(key).items():
        assert key.secret not in value
        monkeypatch.setenv(name, value)
    guard = Guard(lambda: _ingress(AccessSettings(directory=directory.path)))
    found = await guard.admit([(b"x-api-key", key.text.encode())])
    assert (found.client_id, found.roles) == ("scoring-serve", {"scoring.admin"})
    for other in (new_key().text, f"scoring_{key.id}_{new_key().secret}"):
        with pytest.raises(Unauthenticated):
            await guard.admit([(b"x-api-key", other.encode())])


@pytest.mark.parametrize("value", ["", "x", "{}", '{"id": "0000000000000000"}'])
async def test_a_damaged_launch_key_opens_nothing(directory, monkeypatch, value):
    monkeypatch.setenv(LAUNCH_VARIABLE, value)
    guard = Guard(lambda: _ingress(AccessSettings(directory=directory.path)))
    with pytest.raises(Unauthenticated):
        await guard.admit([(b"x-api-key", new_key().text.encode())])
