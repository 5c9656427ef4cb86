"""What commands say where they cannot go on: one sentence on standard error, and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from deployments.errors import StartupError

REFUSED = 2

# What the extra `faq` does not bring, whatever command asks for it.
_OF_TRAINING = {"pyarrow", "optuna", "sqlalchemy", "sklearn"}


@contextmanager
def refusals(output: Path | None = None, *, extra: str = "faq") -> Iterator[None]:
    """Turns errors that a user can mend into a sentence.

    Args:
        output: what the command writes; None where it looks after that itself.
        extra: the extra of the distribution that brings the command's libraries.
    """
    try:
        yield
    except StartupError as error:
        refuse(str(error))
    except ImportError as error:
        extra = "faq-training" if (error.name or "").partition(".")[0] in _OF_TRAINING else extra
        refuse(f"{error.name} is not installed: install it with `pip install 'ray-scoring[{extra}]'`.")
    except OSError as error:
        if output is None:
            raise
        refuse(f"{output} cannot be written: {error.strerror or error}.")


def refuse(sentence: str) -> NoReturn:
    """Ends the command with a sentence."""
    typer.echo(sentence, err=True)
    raise typer.Exit(REFUSED)
