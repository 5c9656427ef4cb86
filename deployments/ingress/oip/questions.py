"""Models that take text, asked with tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from deployments.contracts import Matches, Question
from deployments.ingress.large_bodies import aside
from deployments.ingress.oip.inference import CommonParameters, Inference, Kind, only_input, rows_of, score_each
from deployments.ingress.oip.outputs import Outputs, OutputTensor
from deployments.ingress.oip.tensors import InputTensor
from deployments.ingress.questions import QuestionOptions, question_of, row_counter, too_many_rows
from deployments.ingress.scoring import Scored, joined
from deployments.ingress.settings import IngressSettings

INPUT = "question"
ANSWERS, EXPLANATIONS = "answers", "explanations"
OUTPUTS = ("ids", "answer_ids", "probabilities", "matched", ANSWERS, EXPLANATIONS)

# What fills the places of a question that has fewer matches than another of its request.
NO_ID = -1
NO_TEXT = ""


class QuestionParameters(QuestionOptions, CommonParameters):
    """Parameters of a request with questions."""


async def infer_questions(inference: Inference) -> tuple[Outputs, Scored]:
    """Answer each question with its matches."""
    tensor = only_input(inference.inputs, {INPUT: ("BYTES",)})
    questions = await aside(inference.size, read_questions, tensor, inference)
    accept = row_counter(len(questions), inference.settings)
    every = await score_each(inference, questions, name=(INPUT + "[{}]").format, accept=accept)
    table = MatchTable([scored.result for scored in every], await _id_datatypes(inference))
    return table.outputs(inference.settings), joined(None, every)


def read_questions(tensor: InputTensor, inference: Inference) -> list[Question]:
    """Read the questions of a tensor.

    Raises:
        InvalidInput: its shape is wrong, or an element is no text.
    """
    parameters = inference.parameters
    assert isinstance(parameters, QuestionParameters)  # noqa: S101 - so says QUESTIONS
    rows_of(tensor, inference.settings.max_questions_per_request, "questions")
    if tensor.content_type == "base64":
        raise tensor.refusal("its elements must be plain text")
    names = inference.wanted.names
    asked = {"explain": parameters.explain or EXPLANATIONS in names, "answers": parameters.answers or ANSWERS in names}
    options = parameters.model_copy(update=asked)
    return [question_of(_text(element, tensor), options) for element in tensor.elements()]


def _text(element: bytes | str, tensor: InputTensor) -> str:
    if isinstance(element, str):
        return element
    try:
        return element.decode()
    except UnicodeDecodeError:
        raise tensor.refusal("an element is not text in UTF-8") from None


async def _id_datatypes(inference: Inference) -> dict[str, str]:
    """Ask the model: that all ids of a result are integers does not show that the FAQ has no other ones."""
    description = await inference.descriptions.of(inference.version, inference.settings.request_timeout_seconds)
    return {tensor.name: tensor.datatype for tensor in description.outputs}


class MatchTable:
    """The matches of several questions as tensors of one width.

    Args:
        results: of each question; they may have different numbers of matches.
        datatypes: of the outputs, as the model's description has them.
    """

    def __init__(self, results: Sequence[Matches], datatypes: Mapping[str, str]) -> None:
        self._results = results
        self._datatypes = datatypes
        self._width = max(len(each.ids) for each in results)

    def outputs(self, settings: IngressSettings) -> Outputs:
        """Return what makes each tensor.

        Raises:
            InvalidInput: filled up to one width, they have more places than the limit.
        """
        if self._width * len(self._results) > settings.max_result_rows:
            raise too_many_rows(len(self._results), settings)
        makers: dict[str, Callable[[], OutputTensor]] = {
            "ids": partial(self._ids, "ids"),
            "answer_ids": partial(self._ids, "answer_ids"),
            "probabilities": partial(self._tensor, "FP32", "probabilities", 0.0),
            "matched": self._matched,
        }
        if self._results[0].answers is not None:
            makers[ANSWERS] = self._answers
        if self._results[0].explanations is not None:
            makers[EXPLANATIONS] = self._explanations
        return makers

    def _ids(self, name: str) -> OutputTensor:
        ids = [each for result in self._results for each in getattr(result, name)]
        if self._datatypes.get(name) == "INT64" and set(map(type, ids)) <= {int}:
            return self._tensor("INT64", name, NO_ID)
        return self._tensor("BYTES", name, NO_TEXT, str)

    def _matched(self) -> OutputTensor:
        return OutputTensor("BOOL", (len(self._results),), [each.matched for each in self._results])

    def _answers(self) -> OutputTensor:
        return self._tensor("BYTES", ANSWERS, NO_TEXT, lambda answer: answer or NO_TEXT)

    def _explanations(self) -> OutputTensor:
        return self._tensor("BYTES", EXPLANATIONS, NO_TEXT, lambda each: orjson.dumps(each).decode())

    def _tensor(self, datatype: str, name: str, filling: Any, form: Callable[[Any], Any] | None = None) -> OutputTensor:
        values: list[Any] = []
        for result in self._results:
            row = getattr(result, name)
            values += row if form is None else map(form, row)
            values += [filling] * (self._width - len(row))
        return OutputTensor(datatype, (len(self._results), self._width), values)


QUESTIONS = Kind(QuestionParameters, OUTPUTS, infer_questions)
