"""What the commands of `scoring faq` are given: options that several have, data, recipes, the command line itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from pydantic import ValidationError

from deployments.errors import StartupError
from deployments.faq_matcher.recipe import Recipe
from deployments.setting_errors import explain

if TYPE_CHECKING:
    from deployments.faq_matcher.data import FaqData

_TABLE_FORMS = ".tsv, .csv, .jsonl or .parquet"

ModelOption = Annotated[Path, typer.Option(help="Directory of the model.")]
DataOption = Annotated[Path | None, typer.Option(help="Directory of `scoring faq prepare`.")]
QuestionsOption = Annotated[
    Path | None, typer.Option(help=f"In its place, table of originals: Id, AnswerId, Text0 ({_TABLE_FORMS}).")
]
DuplicatesOption = Annotated[
    Path | None, typer.Option(help="Table of other wordings: Id, AnswerId (of the original), Text0.")
]
AnswersOption = Annotated[Path | None, typer.Option(help="Table of answers: Id, QuestionId, Text0.")]
SemanticOption = Annotated[
    bool, typer.Option("--semantic", help="Match meaning too, with the sentence encoder all-MiniLM-L6-v2.")
]
EncoderOption = Annotated[
    str | None, typer.Option(help="Match meaning too, with this sentence encoder: a name or a directory.")
]


def read_data(data: Path | None, questions: Path | None, duplicates: Path | None, answers: Path | None) -> FaqData:
    """Reads prepared data, or tables.

    Raises:
        StartupError: neither or both are named, or they cannot be read.
    """
    from deployments.faq_matcher.data import read_faq, read_prepared

    if data is not None:
        tables = {"--questions": questions, "--duplicates": duplicates, "--answers": answers}
        if given := [name for name, path in tables.items() if path is not None]:
            raise StartupError(f"{', '.join(given)} means nothing beside --data: leave it out.")
        return read_prepared(data)
    if questions is None:
        raise StartupError(
            "There is no FAQ: name data of `scoring faq prepare` with --data, or tables with --questions."
        )
    return read_faq(questions, duplicates, answers)


def encoder_name(encoder: str | None, *, semantic: bool) -> str | None:
    """The sentence encoder that options ask for; None for none.

    Raises:
        StartupError: both are given.
    """
    if not semantic:
        return encoder
    if encoder is not None:
        raise StartupError("--semantic means nothing beside --encoder: leave it out.")
    from deployments.faq_matcher.encoder import DEFAULT_ENCODER

    return DEFAULT_ENCODER


def read_recipe(path: Path | None, **given: object) -> Recipe:
    """Reads a recipe.

    Args:
        path: YAML or JSON file; None for the default.
        given: fields that options name; they go before the file's, unless they are None.

    Raises:
        StartupError: the file cannot be read, or a field is not what it should be; names file and field.
    """
    recipe = Recipe() if path is None else _validated(_parse(path), str(path))
    options = {name: value for name, value in given.items() if value is not None}
    return _validated({**recipe.model_dump(), **options}, "The command line")


def _parse(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split()).rstrip(".")
        raise StartupError(f"{path} is not valid YAML ({problem}).") from error


def _validated(fields: Any, of: str) -> Recipe:
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(f"{key} {problem}".strip() for key, problem in explain(error, Recipe).items())
        raise StartupError(f"{of}, as a recipe: {wrong}.") from error


def command_line(context: typer.Context) -> str:
    """The command as it was given, with the names of files and directories in place of their paths."""
    words = ["scoring", "faq", str(context.info_name)]
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[str(parameter.name)]
        words.append(parameter.opts[0])
        if value is not True:
            words.append(shlex.quote(Path(str(value)).name or str(value)))
    return " ".join(words)
