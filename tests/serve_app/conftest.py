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
    """Builds the application; returns every deployment by name."""
    from ray.serve import Application

    from deployments.hosted import Hosted
    from serve_app.app import build

    def visit(value, found):
        if isinstance(value, Application):
            deployment = value._bound_deployment
            found[deployment.name] = deployment
            visit([*deployment.init_args, *deployment.init_kwargs.values()], found)
        elif isinstance(value, list):
            for item in value:
                stage = getattr(item, "first_stage", item)
                visit([*stage.arguments] if isinstance(stage, Hosted) else stage, found)
        return found

    return lambda args: visit(build(args), {})
