import re
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.errors import StartupError
from serve_app import cli
from serve_app.layout import lay_out

REPOSITORY = Path(__file__).parents[2]
HEAVY = {"ray", "torch", "torchvision", "sklearn", "scipy", "numpy", "PIL", "starlette", "fsspec"}
# What a client's environment does not have, though it has every command.
NOT_A_CLIENTS = HEAVY | {"cryptography", "kubernetes", "locust", "matplotlib", "psutil", "simpy"}


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def scoring(monkeypatch, capsys):
    """Runs the command line in this process; returns exit code, output and errors."""
    monkeypatch.setattr(cli.app, "registered_groups", [])

    def scoring(*arguments):
        monkeypatch.setattr(sys, "argv", ["scoring", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code or 0, *capsys.readouterr())

    return scoring


def config(args):
    return lay_out(args, "mine")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def refusal(result):
    """The one sentence that a command ended with."""
    code, output, errors = result
    assert (code, output) == (1, "")
    assert "Traceback" not in errors
    assert errors.startswith("Error: ")
    assert errors.endswith("\n")
    return errors.removeprefix("Error: ").removesuffix("\n")


# Help


def test_help_tells_what_there_is(scoring):
    code, output, _ = scoring("--help")
    assert code == 0
    assert "Self-hosted real-time scoring" in plain(output)
    for command in ("serve", "faq"):
        assert re.search(rf"\b{command}\b", plain(output))


def test_without_a_command_help_is_shown(scoring):
    _, output, errors = scoring()
    assert "Usage: " in plain(output + errors)


def test_help_of_serve_names_options_and_defaults():
    result = CliRunner().invoke(cli.app, ["serve", "--help"])
    assert result.exit_code == 0
    for words in ("--config", "--host", "--port", "127.0.0.1", "8000", "Ctrl-C"):
        assert words in plain(result.stdout)


def test_the_version_is_that_of_the_distribution():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"ray-scoring {version('ray-scoring')}\n")


def test_commands_of_other_rooms_are_added(scoring):
    code, output, _ = scoring("faq", "train", "--help")
    assert code == 0
    assert "--questions" in plain(output)


# What is wrong ends in one sentence


def test_an_unknown_command_is_a_usage_error(scoring):
    code, _, errors = scoring("srve")
    assert code == 2
    assert "No such command 'srve'" in plain(errors)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_a_usage_error(scoring, port):
    code, output, errors = scoring("serve", "--port", port)
    assert (code, output) == (2, "")
    assert "--port" in plain(errors)
    assert "Traceback" not in errors


def test_a_taken_port_is_one_sentence(scoring):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sentence = refusal(scoring("serve", "--port", port))
    assert sentence == f"Port {port} on 127.0.0.1 is taken; stop what uses it, or choose another with --port."


def test_a_missing_config_is_one_sentence(scoring, tmp_path):
    path = tmp_path / "a-rather-long-name-that-would-not-fit-into-a-narrow-terminal-and-must-not-be-wrapped.yaml"
    assert refusal(scoring("serve", "--config", path)) == f"The config file {path} does not exist."


def test_broken_yaml_is_one_sentence(scoring, write):
    assert "is not valid YAML at line 1" in refusal(scoring("serve", "--config", write("applications: [")))


def test_wrong_settings_are_named_line_by_line(scoring, write):
    first, *lines = refusal(
        scoring("serve", "--config", write(config({"modles": [], "profile": "x", "ingress": {"max_body_mb": "${MB}"}})))
    ).split("\n")
    assert first == "The settings are not valid:"
    assert lines == [
        "  profile: must be 'local' or 'production', not 'x'",
        "  ingress.max_body_mb: the environment variable MB is not set",
        "  modles: unknown key; did you mean models? (known keys: models, default_models, profile, ingress)",
    ]


def test_a_port_of_the_config_that_is_none_is_one_sentence(scoring, write):
    path = write({**config({}), "http_options": {"port": 0}})
    assert (
        refusal(scoring("serve", "--config", path)) == "mine.yaml: http_options.port must be a number from 1 to 65535."
    )


@pytest.fixture
def failing(monkeypatch):
    """Makes `scoring serve` fail with a message."""

    def failing(message):
        def run(*_, **__):
            raise StartupError(message)

        monkeypatch.setattr("serve_app.serve_command.run", run)

    return failing


@pytest.mark.parametrize("message", ["[red]x[/red]", "see [/tmp/x]", "a :smile: [1, 2]", "no [bold", "x" * 500])
def test_the_message_is_shown_as_it_is(scoring, failing, message):
    failing(message)
    assert refusal(scoring("serve")) == message


def test_on_a_terminal_the_error_is_red(scoring, failing, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    failing("Name a file.")
    assert scoring("serve")[2] == "\x1b[31mError:\x1b[0m Name a file.\n"


# Nothing heavy is loaded


def run_python(program):
    return subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_line_needs_neither_ray_nor_a_model_library():
    result = run_python(f"import sys, serve_app.cli; print(sorted({HEAVY} & sys.modules.keys()))")
    assert result.stdout == "[]\n", result.stderr


def test_every_command_is_there_with_what_a_client_has():
    program = f"""
import sys
from serve_app.cli import main
sys.argv = ["scoring", "--help"]
try:
    main()
finally:
    print(sorted({NOT_A_CLIENTS} & sys.modules.keys()))
"""
    result = run_python(program)
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "[]"), result.stderr
    assert "bench" in result.stdout


def test_help_and_refusals_need_neither_ray_nor_a_model_library(write):
    program = f"""
import sys
from serve_app.cli import main
for arguments in (["--help"], ["serve", "--config", {str(write(config({"x": 1})))!r}]):
    sys.argv = ["scoring", *arguments]
    try:
        main()
    except SystemExit as end:
        print("code", end.code)
print(sorted({HEAVY} & sys.modules.keys()))
"""
    result = run_python(program)
    assert [line for line in result.stdout.splitlines() if line.startswith(("code", "["))] == ["code 0", "code 1", "[]"]


def test_the_installed_command_fails_with_a_sentence_and_a_code(tmp_path):
    command = Path(sys.executable).with_name("scoring")
    if not command.exists():
        pytest.skip("The command is not installed.")
    result = subprocess.run(
        [command, "serve", "--config", tmp_path / "none.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Error: The config file {tmp_path}/none.yaml does not exist.\n"
