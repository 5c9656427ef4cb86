"""`scoring faq evaluate`: how good a FAQ matcher is, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from deployments.destinations import check_file
from deployments.errors import StartupError
from serve_app.faq.inputs import ModelOption
from serve_app.late_progress import LateProgress
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.faq_matcher.data import Duplicate
    from deployments.faq_matcher.evaluation.judging import Matcher
    from deployments.faq_matcher.evaluation.report import EvaluationReport, Fact


@dataclass(frozen=True, slots=True)
class _Inputs:
    model: Path
    questions: Path
    strangers: Path | None


def evaluate(
    *,
    model: ModelOption,
    data: Annotated[
        Path | None, typer.Option(help="Directory of `scoring faq prepare`, for its questions held out for a test.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(help="Test questions in place of those: table with Id, AnswerId and Text0.")
    ] = None,
    strangers: Annotated[
        Path | None,
        typer.Option(
            help="Questions that mean none of the originals: table with Text0, or a directory of `scoring faq prepare` "
            "for another FAQ."
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="File for the whole result as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="File for a report with plots, to open in a browser.")] = None,
    top: Annotated[int, typer.Option(min=0, help="Originals to show, those with the most errors first.")] = 10,
) -> None:
    """Measure how often a matcher finds the right original, how sure it is and what it confuses."""
    with refusals(extra="faq-training"):
        inputs = _Inputs(model, _questions_file(data, questions), strangers)
        writers = _writers(json, html)
        report = _evaluate(inputs)
        _show(report, top)
        for file, write in writers.items():
            _write(file, write(report))


def _questions_file(data: Path | None, questions: Path | None) -> Path:
    from deployments.faq_matcher.data import PREPARED_TEST

    if questions is not None:
        return questions
    if data is None:
        raise StartupError(
            "There is nothing to ask: name prepared data with --data or test questions with --questions."
        )
    if not (data / PREPARED_TEST).is_file():
        raise StartupError(f"{data} holds no {PREPARED_TEST}: make it with `scoring faq prepare`, or name --questions.")
    return data / PREPARED_TEST


def _writers(json: Path | None, html: Path | None) -> dict[Path, Callable[[EvaluationReport], str]]:
    """What is to be written where; checked first, since asking many questions takes minutes."""
    writers: dict[Path, Callable[[EvaluationReport], str]] = {}
    if json is not None:
        writers[json] = lambda report: report.model_dump_json(indent=1) + "\n"
    if html is not None:
        from deployments.faq_matcher.evaluation.html_report import render

        if html in writers:
            raise StartupError(f"{html} cannot hold both forms: name different files with --json and --html.")
        writers[html] = render
    for file in writers:
        check_file(file)
    return writers


def _evaluate(inputs: _Inputs) -> EvaluationReport:
    from deployments.faq_matcher.evaluation.judging import judge
    from deployments.faq_matcher.evaluation.report import build_report
    from deployments.faq_matcher.evaluation.strangers import read_strangers

    matcher, facts = _load(inputs.model)
    questions = _read_questions(inputs.questions, matcher)
    strangers = read_strangers(inputs.strangers) if inputs.strangers else []
    with LateProgress(Console(stderr=True)) as progress:
        judgements = judge(matcher, questions, strangers, progress=progress)
    return build_report(
        judgements, matcher.originals, questions, strangers, model={"directory": str(inputs.model), **facts}
    )


def _load(directory: Path) -> tuple[Matcher, dict[str, Fact]]:
    from deployments.faq_matcher.model import FaqModel

    model = FaqModel.load(directory)
    facts: dict[str, Fact] = dict(model.describe().parameters)
    return model, facts


def _read_questions(path: Path, matcher: Matcher) -> list[Duplicate]:
    from deployments.faq_matcher.data import read_labelled

    questions = read_labelled(path, matcher.originals)
    if not questions:
        raise StartupError(f"{path} holds no question: add a row for each.")
    return questions


def _show(report: EvaluationReport, top: int) -> None:
    from deployments.faq_matcher.evaluation.terminal import show

    show(report, Console(highlight=False), top=top)


def _write(file: Path, text: str) -> None:
    with refusals(file):
        file.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote {file}.")
