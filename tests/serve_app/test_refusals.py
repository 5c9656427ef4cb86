import errno

import pytest
import typer

from deployments.errors import StartupError
from serve_app.refusals import REFUSED, refusals


def refusal(error, capsys, **more):
    with pytest.raises(typer.Exit) as ended, refusals(**more):
        raise error
    assert ended.value.exit_code == REFUSED
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(
    ("name", "extra", "said"),
    [
        ("numba", "faq", "numba is not installed: install it with `pip install 'ray-scoring[faq]'`.\n"),
        (
            "numba",
            "faq-training",
            "numba is not installed: install it with `pip install 'ray-scoring[faq-training]'`.\n",
        ),
        (
            "pyarrow.lib",
            "faq",
            "pyarrow.lib is not installed: install it with `pip install 'ray-scoring[faq-training]'`.\n",
        ),
    ],
)
def test_names_the_extra_that_is_missing(capsys, name, extra, said):
    assert refusal(ImportError("no such module", name=name), capsys, extra=extra) == said


def test_says_what_a_user_can_mend(capsys):
    assert refusal(StartupError("Name a file."), capsys) == "Name a file.\n"


def test_an_error_of_the_system_is_about_the_output(capsys, tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    assert refusal(full, capsys, output=tmp_path) == f"{tmp_path} cannot be written: No space left on device.\n"
    with pytest.raises(OSError, match="No space left"), refusals():
        raise full
