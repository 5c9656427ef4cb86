"""What the scenarios send, sent to the service's own routes, in this process and with stages that make up answers."""

import importlib.util
from pathlib import Path

import httpx
import pytest

from loadtest.generator.bad_requests import EXPECTED
from loadtest.generator.load_kinds import Sources
from loadtest.generator.scenarios import known_scenarios, scenarios

INGRESS = Path(__file__).parents[2] / "deployments" / "ingress" / "conftest.py"


@pytest.fixture(scope="module")
def stages():
    spec = importlib.util.spec_from_file_location("ingress_stages", INGRESS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def client(stages):
    image = stages.Version("1", stages.ImageStage(), stages.ExplainingStage())
    models = [stages.Model("faq", stages.FAQ, {"1": stages.Version("1", stages.FaqStage())})]
    table = stages.ModelTable([*models, stages.Model("image", stages.IMAGE_CLASSES, {"1": image})])
    app = stages.build_app(table, stages.Door(lambda: stages.IngressSettings(access=stages.OPEN)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as found:
        yield found


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"IMG of something")
    return Sources({"image": tmp_path})


async def status(client, request):
    headers = dict(request.headers)
    if request.declared_bytes is not None:
        headers["Content-Length"] = str(request.declared_bytes)
    response = await client.request(request.method, request.path, headers=headers, content=request.body)
    return response.status_code


@pytest.mark.parametrize("name", known_scenarios())
async def test_every_route_answers_its_scenario_and_refuses_what_is_bad(name, client, sources):
    scenario = scenarios([name], sources, with_bad=True)[0]
    assert await status(client, scenario.requests[0]) == 200
    for request in scenario.bad_requests:
        assert await status(client, request) in EXPECTED
