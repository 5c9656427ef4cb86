"""Results as tables for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
from rich.bar import Bar
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from serve_app.client import Explanation, FaqResult, ImageResult, Match, Origin

BAR_WIDTH = 30

# Terms of a match that a table shows; JSON has all.
SHOWN_TERMS = 5


def printable(text: str) -> str:
    """Return a text that cannot steer the terminal, in one line."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "�" for each in text)


def console() -> Console:
    """Return what shows texts as they are."""
    return Console(highlight=False, markup=False, emoji=False)


def show_matches(result: FaqResult) -> None:
    """Print the matches of a question."""
    if not result.matched:
        typer.echo("No match.")
    if result.matches:
        console().print(matches_table(result))


def matches_table(result: FaqResult) -> Table:
    """Return a row for each match, best first."""
    has_answers = any(match.answer is not None for match in result.matches)
    has_explanations = any(match.explanation is not None for match in result.matches)
    table = Table("Original", "Answer", box=None, pad_edge=False)
    table.add_column("Probability", justify="right")
    for name in (*(["Text"] if has_answers else []), *(["Why"] if has_explanations else [])):
        table.add_column(name, overflow="fold")
    for match in result.matches:
        row = [printable(str(match.id)), printable(str(match.answer_id)), f"{match.probability:.1%}"]
        row += [printable(match.answer or "")] if has_answers else []
        row += [_why(match)] if has_explanations else []
        table.add_row(*row)
    return table


def _why(match: Match) -> str:
    told: Explanation | None = match.explanation
    if told is None:
        return ""
    return ", ".join(f"{printable(term.text)} {term.weight:+.2f}" for term in told.terms[:SHOWN_TERMS])


def classes_table(result: ImageResult) -> Table:
    """Return a row with a bar for each class, most probable first."""
    table = Table("Class", box=None, pad_edge=False)
    table.add_column("Probability", justify="right")
    table.add_column(width=BAR_WIDTH)
    for each in result.classes:
        bar = Bar(1.0, 0.0, each.probability, width=BAR_WIDTH)
        table.add_row(printable(each.label), f"{each.probability:.1%}", bar)
    return table


def show_classes(result: ImageResult) -> None:
    """Print the classes of an image."""
    console().print(classes_table(result))
    if result.explanation is not None:
        told = result.explanation
        typer.echo(f"Explained: {printable(told.label)} ({told.probability:.1%}), by {told.method}.")


def faq_json(question: str, result: FaqResult) -> str:
    """Return a line of JSON."""
    matches = [_without_nothing(dataclasses.asdict(match)) for match in result.matches]
    for match, each in zip(result.matches, matches, strict=True):
        if match.explanation is not None:
            # Terms are pairs in the service's answers too.
            each["explanation"]["terms"] = [list(term) for term in match.explanation.terms]
    return _line(question=question, matched=result.matched, matches=matches, **_told(result.origin))


def image_json(name: str, result: ImageResult, heat_map: str | None) -> str:
    """Return a line of JSON; `heat_map` is the file that it was written to."""
    content: dict[str, Any] = {"classes": [dataclasses.asdict(each) for each in result.classes]}
    if result.explanation is not None:
        told = result.explanation
        parts = {part.name: getattr(told, part.name) for part in dataclasses.fields(told) if part.name != "heat_map"}
        content["explanation"] = _without_nothing({**parts, "heat_map": heat_map})
    return _line(image=name, **content, **_told(result.origin))


def error_json(name: str, code: str, detail: str) -> str:
    """Return a line of JSON for an image that has no result."""
    return _line(image=name, error={"code": code, "detail": detail})


def _told(origin: Origin) -> dict[str, str]:
    return {
        "model": origin.model,
        "version": origin.version,
        "weights": origin.weights,
        "request_id": origin.request_id,
    }


def _without_nothing(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}


def _line(**content: Any) -> str:
    return json.dumps(content, ensure_ascii=True)


def warn_of_weights(origin: Origin) -> None:
    """Say on standard error that answers mean nothing."""
    if origin.weights == "untrained":
        typer.echo("Warning: the model is untrained; its answers mean nothing.", err=True)
