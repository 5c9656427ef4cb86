"""Questions as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from deployments.codecs.tensors.inputs import InputTensor
from deployments.codecs.tensors.outputs import Outputs, OutputTensor
from deployments.codecs.tensors.parameters import CommonParameters, only_input, rows_of
from deployments.contracts import Matches, Question
from deployments.faq_matcher.protocols.questions import (
    NOUN,
    QuestionOptions,
    question_of,
    row_counter,
    too_many_rows,
)
from deployments.interface import Inference, RequestLimits, Work

INPUT = "question"
ANSWERS, EXPLANATIONS = "answers", "explanations"
OUTPUTS = ("ids", "answer_ids", "probabilities", "matched", ANSWERS, EXPLANATIONS)

# What fills the places of a question that has fewer matches than another of its request.
NO_ID = -1
NO_TEXT = ""


class QuestionParameters(QuestionOptions, CommonParameters):
    """Parameters of a request with questions."""


def read_tensors(inference: Inference) -> Work:
    """Read the questions of a request."""
    tensor = only_input(inference.inputs, {INPUT: ("BYTES",)})
    questions = read_questions(tensor, inference)
    limits, description = inference.limits, inference.description
    datatypes = {} if description is None else {each.name: each.datatype for each in description.outputs}

    def write(results: list[Matches]) -> Outputs:
        return MatchTable(results, datatypes).outputs(limits)

    name = None if len(questions) == 1 else (INPUT + "[{}]").format
    return Work(questions, write, name=name, accept=row_counter(len(questions), limits))


def read_questions(tensor: InputTensor, inference: Inference) -> list[Question]:
    """Read the questions of a tensor.

    Raises:
        InvalidInput: its shape is wrong, or an element is no text.
    """
    parameters: QuestionParameters = inference.parameters
    rows_of(tensor, inference.limits.items[NOUN], NOUN)
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


class MatchTable:
    """The matches of several questions as tensors of one width.

    Args:
        results: of each question; they may have different numbers of matches.
        datatypes: of the outputs, as the model's description has them: that all ids of a result are integers does not
            show that the FAQ has no other ones.
    """

    def __init__(self, results: Sequence[Matches], datatypes: Mapping[str, str]) -> None:
        self._results = results
        self._datatypes = datatypes
        self._width = max(len(each.ids) for each in results)

    def outputs(self, limits: RequestLimits) -> Outputs:
        """Return what makes each tensor.

        Raises:
            InvalidInput: filled up to one width, they have more places than the limit.
        """
        if self._width * len(self._results) > limits.result_rows:
            raise too_many_rows(len(self._results), limits)
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
