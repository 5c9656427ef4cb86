import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", ["prepare", "train", "tune", "evaluate", "add"])
def test_help_needs_no_model_library(command):
    libraries = {
        "numpy", "scipy", "numba", "sklearn", "optuna", "sqlalchemy", "pyarrow", "matplotlib", "jinja2", "ray",
    }  # fmt: skip
    program = (
        "import sys; from serve_app.faq.commands import app; import typer.testing as t;"
        f"assert t.CliRunner().invoke(app, [{command!r}, '--help']).exit_code == 0;"
        f"assert not {libraries} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
