"""The client where neither Ray nor a model library is installed."""

import subprocess
import sys
from pathlib import Path

import serve_app.client

REPOSITORY = Path(__file__).parents[3]

# What the client stands on, beside the standard library: the distribution's own dependencies.
ABSENT = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"ray", "torch", "numpy", "starlette", "orjson", "jwt", "psutil", "uvicorn"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run(program, *arguments):
    command = [sys.executable, "-c", ABSENT + program, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def test_a_question_is_asked_without_ray(loopback):
    result = run(
        "from serve_app.client import ScoringClient\n"
        "from serve_app.faq.asking import ask\n"
        "from serve_app.image.classifying import classify\n"
        "with ScoringClient(sys.argv[1]) as client:\n"
        "    print(client.call(ask('port?', top_k=1)).best.id, client.call(classify(b'IMGa')).best.label)",
        loopback.url,
    )
    assert (result.stdout, result.returncode) == ("7 n1 a\n", 0), result.stderr


def test_the_command_works_without_ray(loopback):
    result = run("from serve_app.score.commands import app; app(sys.argv[1:])", "faq", "port?", "--url", loopback.url)
    assert result.returncode == 0, result.stderr
    assert "50.0%" in result.stdout


def test_importing_the_client_loads_nothing_of_the_service():
    result = run(
        "import serve_app.client\n"
        "print(sorted(name for name in sys.modules if name.startswith(('deployments', 'serve_app.'))))"
    )
    loaded = result.stdout
    assert "serve_app.client.exchange" in loaded
    assert "deployments" not in loaded
    assert "serve_app.settings" not in loaded


def test_the_public_names_are_all_there_and_no_others():
    package = serve_app.client
    assert package.__all__ == sorted(package.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(package, name) for name in package.__all__)
    errors = {name for name in vars(package.errors) if isinstance(getattr(package.errors, name), type)}
    assert errors <= set(package.__all__)
