import os

import pytest
import yaml
from typer.testing import CliRunner

from serve_app.faq.commands import app
from serve_app.fast_mode import FAST_MODE


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
