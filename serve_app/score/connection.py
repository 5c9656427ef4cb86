"""How the commands of `scoring score` reach the service, and how they end where it gives no answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from deployments.errors import StartupError

if TYPE_CHECKING:
    from serve_app.client import ClientError, ScoringClient

KEY_VARIABLE = "SCORING_KEY"
URL_VARIABLE = "SCORING_URL"
DEFAULT_URL = "http://127.0.0.1:8000"

SERVICE_REFUSED = 1
COMMAND_IS_WRONG = 2
MAY_SUCCEED_LATER = 3

UrlOption = Annotated[str, typer.Option(help="The service's address.", envvar=URL_VARIABLE)]
KeyEnvOption = Annotated[
    str | None,
    typer.Option(help="Environment variable that holds the key or token.", show_default=KEY_VARIABLE),
]
KeyFileOption = Annotated[
    Path | None, typer.Option(help="File that holds the key or token, in place of that.", show_default=False)
]
TimeoutOption = Annotated[
    float, typer.Option(help="Seconds that each request may take, with all its retries.", min=0.001, max=86400)
]
VersionOption = Annotated[str | None, typer.Option(help="Version of the model.", show_default="the service's default")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each, for programs.")]


@contextmanager
def connected(url: str, key_env: str | None, key_file: Path | None, timeout: float) -> Iterator[ScoringClient]:
    """Give a client; an error inside the block ends the command with a sentence and an exit code."""
    from serve_app.client import ClientError, ScoringClient

    try:
        with ScoringClient(url, credentials=read_key(key_env, key_file), timeout_seconds=timeout) as client:
            yield client
    except (StartupError, ValueError) as error:
        # The client raises ValueError for arguments that make no request.
        _end(str(error), COMMAND_IS_WRONG)
    except ClientError as error:
        _end(sentence(error), exit_code(error))


def exit_code(error: ClientError) -> int:
    """Return how a command ends that met an error."""
    from serve_app.client import ConnectionFailed, DeadlineExceeded, RequestTimeout, TooManyRequests, Unavailable

    passing = (ConnectionFailed, DeadlineExceeded, RequestTimeout, TooManyRequests, Unavailable)
    return MAY_SUCCEED_LATER if isinstance(error, passing) else SERVICE_REFUSED


def sentence(error: ClientError) -> str:
    """Return what a person reads of an error."""
    from serve_app.client import Unauthenticated

    if isinstance(error, Unauthenticated):
        return f"{error} The key comes from the environment variable {KEY_VARIABLE}, --key-env or --key-file."
    return str(error)


def read_key(key_env: str | None, key_file: Path | None) -> str | None:
    """Read the key or token; None if there is none.

    Raises:
        StartupError: it is not where an option says. The message does not show the option's value, which might be the
            key itself.
    """
    if key_env is not None and key_file is not None:
        raise StartupError("--key-env means nothing beside --key-file: leave it out.")
    if key_file is not None:
        return _of_file(key_file)
    key = os.environ.get(key_env or KEY_VARIABLE, "").strip()
    if not key and key_env is not None:
        raise StartupError("The environment variable that --key-env names is not set.")
    return key or None


def _of_file(path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise StartupError(f"The file that --key-file names cannot be read: {reason or 'it is no text'}.") from None
    if not key:
        raise StartupError("The file that --key-file names is empty.")
    return key


def _end(text: str, code: int) -> NoReturn:
    from serve_app.score.showing import printable

    typer.echo(printable(text), err=True)
    raise typer.Exit(code)
