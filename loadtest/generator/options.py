"""Options that the commands of `scoring loadtest` share, and what they become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from loadtest.errors import BenchmarkError
from loadtest.generator.arrivals import Arrivals
from loadtest.generator.load_kinds import Sources, load_kinds

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_PORT = 5557


class Exit(IntEnum):
    """How a command ends."""

    FAILED = 1
    INVALID = 3
    NOT_PASSED = 4


Url = Annotated[str, typer.Option(help="The service's address.")]
OwnUrl = Annotated[
    str | None,
    typer.Option(help="Address of a service that runs; without one, one is started here.", show_default=False),
]
ScenarioOption = Annotated[
    list[str] | None,
    typer.Option("--scenario", help="NAME or NAME=WEIGHT, several times for a mix; `scoring loadtest scenarios`."),
]
Bad = Annotated[float, typer.Option(min=0, max=1, help="Share of requests that the service must refuse.")]
ArrivalsOption = Annotated[
    Arrivals, typer.Option(help="Even gaps, or those of many clients that know nothing of each other.")
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds that each request may take.")]
Seed = Annotated[int, typer.Option(help="Of all chance; the same seed sends the same at the same times.")]
Workers = Annotated[
    int | None, typer.Option(min=0, help="Processes that send from this machine.", show_default="as the rate needs")
]
RemoteWorkers = Annotated[
    int, typer.Option(min=0, help="Workers to wait for from other machines (`scoring loadtest worker`).")
]
Bind = Annotated[
    str, typer.Option(help="Address and port for workers of other machines.", show_default="this machine only")
]
KeyFile = Annotated[
    Path | None, typer.Option(help="File with the key; without one, the variable SCORING_KEY.", show_default=False)
]
TokenFile = Annotated[
    Path | None, typer.Option(help="File with a bearer token; without one, SCORING_TOKEN.", show_default=False)
]
ServerPid = Annotated[
    int | None, typer.Option(min=1, help="The service's process on this machine, whose children are watched, too.")
]
MetricsUrl = Annotated[
    str, typer.Option(help="Ray's metrics (Prometheus text).", show_default="found beside --server-pid")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the results.", show_default="a new one here")]
Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="KIND=PATH", help="Your own data for a kind of models, in place of its own; several times."
    ),
]
ModelName = Annotated[
    list[str] | None,
    typer.Option("--model-name", metavar="KIND=NAME", help="What the model of a kind is called; several times."),
]
ModelVersion = Annotated[str, typer.Option(help="Version that scenarios address that name one.")]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Send one request of each scenario before.")]


def sources(data: list[str] | None, names: list[str] | None, version: str) -> Sources:
    """Read `--data` and `--model-name`.

    Raises:
        BenchmarkError: one is not of the form KIND=VALUE, or there is no such kind.
    """
    files = {kind: Path(path) for kind, path in map(_split, data or ())}
    return Sources(files, dict(map(_split, names or ())), version)


def _split(text: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    if not equals or not value:
        raise BenchmarkError(f"{text!r} must be KIND=VALUE; kinds are {', '.join(load_kinds())}.")
    return kind, value


@contextmanager
def errors_told() -> Iterator[None]:
    """End the command in one sentence where the block cannot do what was asked."""
    try:
        yield
    except BenchmarkError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(Exit.FAILED) from None


def checked_url(url: str) -> str:
    """Return a service's address without a slash at its end.

    Raises:
        BenchmarkError: it is none, or holds a path or a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BenchmarkError("--url must be an address such as http://127.0.0.1:8000.")
    if parts.username or parts.password:
        raise BenchmarkError(
            "--url must hold no password; keys and tokens come from SCORING_KEY, SCORING_TOKEN or files."
        )
    if parts.path.strip("/") or parts.query:
        raise BenchmarkError("--url must have no path; scenarios have theirs.")
    return f"{parts.scheme}://{parts.netloc}"


def address_of(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """Read `HOST` or `HOST:PORT`.

    Raises:
        BenchmarkError: the port is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, default_port
    if not port.isdecimal() or not 0 <= int(port) < 2**16 or not host:
        raise BenchmarkError(f"{text!r} is no address; write HOST or HOST:PORT.")
    return host, int(port)
