"""`scoring score faq`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deployments.errors import StartupError
from serve_app.score.connection import (
    DEFAULT_URL,
    JsonOption,
    KeyEnvOption,
    KeyFileOption,
    TimeoutOption,
    UrlOption,
    VersionOption,
    connected,
)

if TYPE_CHECKING:
    from serve_app.faq.asking import FaqOptions
    from serve_app.faq.results import FaqResult

# In one request: few enough for any service's limits, enough to be quick.
QUESTIONS_AT_ONCE = 100


def faq(
    *,
    questions: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION...", help="Questions.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="File with a question in each line; - is standard input.", show_default=False)
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, help="Matches to show for each question.")] = 5,
    threshold: Annotated[
        str | None,
        typer.Option(
            help="Least probability of a match, 0 to 1, or `trained` for the model's own.", show_default=False
        ),
    ] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Show the answers' texts.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show which words made each match.")] = False,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "faq",
    version: VersionOption = None,
    as_json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    key_env: KeyEnvOption = None,
    key_file: KeyFileOption = None,
    timeout: TimeoutOption = 60,
) -> None:
    """Match questions with the originals of a FAQ: those of the command line, of a file, or of standard input."""
    from serve_app.faq.asking import ask_all

    with connected(url, key_env, key_file, timeout) as client:
        texts = read_questions(questions or [], file)
        options: FaqOptions = {
            "top_k": top_k,
            "threshold": _threshold(threshold),
            "answers": answers,
            "explain": explain,
            "model": model,
            "version": version,
        }
        for several in _batches(texts):
            for text, result in zip(several, client.call(ask_all(several, **options)), strict=True):
                _show(text, result, with_question=len(texts) > 1, as_json=as_json)


def read_questions(given: list[str], file: Path | None) -> list[str]:
    """Return the questions to ask.

    Raises:
        StartupError: there are none, or the file cannot be read.
    """
    if given and file is not None:
        raise StartupError("--file means nothing beside questions: leave it out.")
    if given:
        return given
    if file is None and sys.stdin.isatty():
        raise StartupError("There is nothing to ask: give a question, or a file of them with --file.")
    questions = [line.strip() for line in _read(file).splitlines() if line.strip()]
    if not questions:
        raise StartupError("There is nothing to ask: the file holds no question.")
    return questions


def _read(file: Path | None) -> str:
    try:
        if file is None or str(file) == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StartupError(f"{file} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise StartupError("The questions are no UTF-8 text: convert the file.") from None


def _threshold(text: str | None) -> float | Literal["trained"] | None:
    if text is None or text == "trained":
        return "trained" if text else None
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise StartupError("--threshold must be a number from 0 to 1, or `trained`.")
    return value


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), QUESTIONS_AT_ONCE):
        yield texts[start : start + QUESTIONS_AT_ONCE]


def _show(text: str, result: FaqResult, *, with_question: bool, as_json: bool) -> None:
    from serve_app.faq.showing import faq_json, show_matches
    from serve_app.score.showing import printable

    if as_json:
        typer.echo(faq_json(text, result))
        return
    if with_question:
        typer.echo(f"\n{printable(text)}")
    show_matches(result)
