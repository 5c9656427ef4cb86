"""A model that takes and gives arrays, held to its signature."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from deployments.errors import InvalidInput, ModelError, ScoringError, StartupError
from deployments.signature import Signature
from deployments.tensor_model.arrays import Array, as_array, of_rows, of_value, to_json
from deployments.tensor_model.items import TensorItem, TensorResult

logger = logging.getLogger("ray.serve")

# How far numbers of an example's result may be from what the signature says: engines and processors round differently.
TOLERANCE = 1e-3


class TensorModel(Protocol):
    """What a kind of tensor models brings."""

    def predict(self, inputs: dict[str, Array], parameters: dict[str, Any]) -> Mapping[str, Any]:
        """Return the outputs by name, from inputs by name and all parameters; for many rows as for one.

        Raises:
            InvalidInput: what a client sent cannot be scored; its message is shown to the client.
        """


class Runner:
    """Runs a model.

    Args:
        model: the model.
        signature: what it takes and gives.
    """

    def __init__(self, model: TensorModel, signature: Signature) -> None:
        self._model = model
        self._signature = signature

    def check_example(self) -> None:
        """Make sure that the model answers the signature's example as the signature says.

        Raises:
            StartupError: it does not; the message says what differs.
        """
        example = self._signature.example
        try:
            item = example_item(self._signature)
        except InvalidInput as error:
            raise StartupError(f"The signature's example is no request: {error.message}") from None
        try:
            outputs = self._predict(item)
        except Exception as error:
            reason = error.message if isinstance(error, ScoringError) else f"{type(error).__name__}: {error}"
            raise StartupError(f"The model cannot answer the example of its signature: {reason}") from error
        for tensor in self._signature.outputs:
            found = to_json(tensor, outputs[tensor.name])
            if not _is_alike(found, example.outputs[tensor.name]):
                raise StartupError(
                    f"The model answers the example of its signature with '{tensor.name}' {str(found)[:200]}, and the "
                    f"signature says {str(example.outputs[tensor.name])[:200]}."
                )

    def run(self, items: Sequence[TensorItem]) -> list[TensorResult | ScoringError]:
        """Score several requests: joined as one where that can be, else each by itself."""
        if len(items) > 1 and self._signature.has_rows and _may_join(items):
            try:
                return self._joined(items)
            except Exception:  # noqa: BLE001 - one may be at fault for all
                logger.debug("Several requests failed together; each is run by itself.")
        return [self._one(item) for item in items]

    def _one(self, item: TensorItem) -> TensorResult | ScoringError:
        try:
            return TensorResult(self._predict(item))
        except ScoringError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever a model raises is its request's failure
            # The message may hold what the client sent.
            logger.error("A model failed on a request: %s.", type(error).__name__)  # noqa: TRY400
            return ModelError("The model failed on this request.")

    def _joined(self, items: Sequence[TensorItem]) -> list[TensorResult | ScoringError]:
        names = list(items[0].inputs)
        inputs = {name: np.concatenate([item.inputs[name] for item in items]) for name in names}
        outputs = self._predict(TensorItem(inputs, items[0].parameters))
        results: list[TensorResult | ScoringError] = []
        start = 0
        for item in items:
            end = start + len(item.inputs[names[0]])
            results.append(TensorResult({name: array[start:end] for name, array in outputs.items()}))
            start = end
        return results

    def _predict(self, item: TensorItem) -> dict[str, Array]:
        given = self._model.predict(dict(item.inputs), dict(item.parameters))
        rows = len(next(iter(item.inputs.values()))) if self._signature.has_rows else None
        outputs = {}
        for tensor in self._signature.outputs:
            if tensor.name not in given:
                raise ValueError(f"the model gives no output '{tensor.name}'")
            try:
                array = as_array(tensor, given[tensor.name])
            except (ValueError, TypeError) as error:
                raise ValueError(f"the model's output '{tensor.name}' is not as the signature says: {error}") from None
            if rows is not None and len(array) != rows:
                raise ValueError(f"the model's output '{tensor.name}' has {len(array)} rows for {rows}")
            outputs[tensor.name] = array
        return outputs


def example_item(signature: Signature) -> TensorItem:
    """Return the request of a signature's example.

    Raises:
        InvalidInput: it does not fit the signature.
    """
    read = of_rows if signature.has_rows else of_value
    example = signature.example
    inputs = {tensor.name: read(tensor, example.inputs[tensor.name], tensor.name) for tensor in signature.inputs}
    defaults = {parameter.name: parameter.default for parameter in signature.parameters}
    return TensorItem(inputs, {**defaults, **example.parameters})


def _may_join(items: Sequence[TensorItem]) -> bool:
    first = items[0]
    shapes = {name: array.shape[1:] for name, array in first.inputs.items()}
    return all(
        item.parameters == first.parameters and {name: array.shape[1:] for name, array in item.inputs.items()} == shapes
        for item in items[1:]
    )


def _is_alike(found: Any, said: Any) -> bool:
    if isinstance(found, list) and isinstance(said, list | tuple):
        return len(found) == len(said) and all(map(_is_alike, found, said))
    if isinstance(found, dict) and isinstance(said, dict):
        return found.keys() == said.keys() and all(_is_alike(found[key], said[key]) for key in found)
    if isinstance(found, float) or isinstance(said, float):
        return bool(np.isclose(found, said, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
    return bool(found == said)
