import json
import os

import httpx
import pytest
import yaml
from answering_service import Service
from loopback_service import Either, Loopback
from typer.testing import CliRunner

from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.access.settings import AccessSettings
from serve_app.client import AsyncScoringClient, ScoringClient
from serve_app.client.steps import Reply
from serve_app.faq.commands import app
from serve_app.fast_mode import FAST_MODE
from serve_app.score.commands import app as score_app


@pytest.fixture
def faq():
    """Runs a command of `scoring faq` on a terminal that is wide enough for its tables."""

    def faq(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "200"})

    return faq


@pytest.fixture
def write(tmp_path):
    """Writes a config file, of text or settings; returns its path."""

    def write(content):
        path = tmp_path / "mine.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def refusal():
    """What a command says that refuses: one line, and nothing else."""

    def refusal(result):
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        return result.stderr

    return refusal


@pytest.fixture
def cells():
    """The rows of the tables that a command shows."""

    def cells(result):
        lines = [line for line in result.stdout.splitlines() if "│" in line]
        return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]

    return cells


@pytest.fixture
def fast(monkeypatch):
    """The warning about the slower mode has tests of its own."""
    for name, value in FAST_MODE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def deployments(fast):
    """Builds every application of a service; returns their deployments by name."""
    from ray.serve import Application

    from serve_app import app, version
    from serve_app.applications import GATEWAY_PATH
    from serve_app.config_file import config_of
    from serve_app.layout import lay_out

    def visit(value, found):
        if isinstance(value, Application):
            deployment = value._bound_deployment
            found[deployment.name] = deployment
            for each in [*deployment.init_args, *deployment.init_kwargs.values()]:
                visit(each, found)
        return found

    def built(settings):
        config = config_of(lay_out(settings), "a test")
        config = config.with_room_for_models(config.settings(os.environ))
        found = {}
        for application in config.content["applications"]:
            build = app.build if application["import_path"] == GATEWAY_PATH else version.build
            visit(build(application["args"]), found)
        found.pop("root", None)
        return found

    return built


@pytest.fixture
def reply():
    def reply(status=200, content=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Reply(status, httpx.Headers(named), body)

    return reply


@pytest.fixture
def problem(reply):
    def problem(status, code="some_code", **headers):
        content = {
            "type": "about:blank",
            "title": "Title",
            "status": status,
            "detail": "One sentence.",
            "code": code,
            "request_id": "r-1",
        }
        return reply(status, content, content_type="application/problem+json", **headers)

    return problem


@pytest.fixture
def directory(tmp_path):
    return AccessDirectory(tmp_path / "access")


@pytest.fixture
def serve_on_loopback(directory, monkeypatch):
    # Whatever proxy the machine has.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = []

    def serve(*, required):
        running.append(Loopback(AccessSettings(required=required, directory=directory.path)))
        return running[-1]

    yield serve
    for each in running:
        each.close()


@pytest.fixture
def loopback(serve_on_loopback):
    return serve_on_loopback(required=False)


@pytest.fixture
def guarded(serve_on_loopback, directory):
    directory.create("somebody", ["scoring.invoke"])
    return serve_on_loopback(required=True)


@pytest.fixture(params=[ScoringClient, AsyncScoringClient], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
async def connect(kind):
    """Make a client of each kind in turn."""
    made = []

    def connect(url, **options):
        made.append(Either(kind, url, **options))
        return made[-1]

    yield connect
    for client in made:
        await client.close()


@pytest.fixture
def service(monkeypatch):
    service = Service()
    made = ScoringClient.__init__

    def init(self, *arguments, **options):
        made(self, *arguments, **options, http=httpx.Client(transport=httpx.MockTransport(service)))

    monkeypatch.setattr(ScoringClient, "__init__", init)
    for name in [name for name in os.environ if name.startswith("SCORING_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    return service


@pytest.fixture
def run(service):
    def run(*arguments, stdin=None):
        return CliRunner().invoke(score_app, [*map(str, arguments)], input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def photo(tmp_path):
    def photo(name, content=b"IMG"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return photo
