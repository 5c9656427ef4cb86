import pytest
from typer.testing import CliRunner

from serve_app.faq.commands import app


@pytest.fixture
def faq():
    """Runs a command of `scoring faq` on a terminal that is wide enough for its tables."""

    def faq(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "200"})

    return faq


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
