"""How a model with a signature is asked and answers, by every protocol."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from deployments.codecs.body import Body
from deployments.codecs.json_bodies import shown
from deployments.codecs.tensors.inputs import InputTensor
from deployments.codecs.tensors.outputs import Outputs
from deployments.codecs.tensors.parameters import CommonParameters
from deployments.errors import InvalidInput
from deployments.interface import Documentation, Inference, Interface, RequestLimits, Work, Written, check_items
from deployments.signature import Parameter, Signature
from deployments.tensor_model.arrays import Array, of_input, to_json, to_output
from deployments.tensor_model.documentation import document
from deployments.tensor_model.items import TensorItem, TensorResult
from deployments.tensor_model.requests import Read, RequestReader

_TYPES: dict[str, Any] = {"bool": bool, "int": int, "float": float, "str": str}


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SignatureInterface(Interface):
    """Decodes and encodes by a signature.

    Args:
        name: of the kind, for names of components.
        signature: what its models take and give.

    Raises:
        StartupError: the signature contradicts itself.
    """

    def __init__(self, name: str, signature: Signature) -> None:
        signature.check()
        self.signature = signature
        self.limits = {signature.noun: signature.max_rows}
        fields = {parameter.name: _field_of(parameter) for parameter in signature.parameters}
        self._names = frozenset(fields)
        self._own = create_model(f"{name}_parameters", __base__=_Parameters, **fields)
        self.parameters = create_model(f"{name}_inference_parameters", __base__=CommonParameters, **fields)
        self.outputs = [tensor.name for tensor in signature.outputs]
        self._reader = RequestReader(signature, self._own)
        self._documentation = document(name, signature, self._own, self._reader)

    def weigh(self, item: Any) -> int:
        """Return the bytes of the inputs."""
        found: TensorItem = item
        return found.nbytes

    def check(self, media_type: str) -> None:
        """Take JSON, and what the one input is if there is one."""
        self._reader.check(media_type)

    def read(self, body: Body, limits: RequestLimits) -> Work:
        """Read `{"input": ..., parameters}`, or a body that is nothing but the input."""
        return self._work(self._reader.read(body, limits))

    def check_azure(self, media_type: str) -> None:
        """Take the same."""
        self._reader.check(media_type)

    def read_azure(self, body: Body, limits: RequestLimits) -> Work:
        """Read `data`, `input_data` or `input`."""
        return self._work(self._reader.read(body, limits, sources=("data", "input_data", "input")))

    def read_tensors(self, inference: Inference) -> Work:
        """Read the signature's inputs."""
        sent = {tensor.name: tensor for tensor in inference.inputs}
        names = [tensor.name for tensor in self.signature.inputs]
        if unknown := [name for name in sent if name not in names]:
            raise InvalidInput(f"There is no input '{shown(unknown[0])}'; send {' and '.join(names)}.")
        if missing := [name for name in names if name not in sent] or len(inference.inputs) != len(sent):
            raise InvalidInput(f"Send each input once: {' and '.join(names)}; {_lacking(missing)}.")
        inputs = {tensor.name: of_input(tensor, sent[tensor.name]) for tensor in self.signature.inputs}
        self._check_rows(inputs, sent, inference.limits)
        parameters = inference.parameters.model_dump(include=self._names)
        return Work([TensorItem(inputs, parameters)], self._outputs)

    def document(self) -> Documentation:
        """Return what the signature says, as schemas."""
        return self._documentation

    def _check_rows(self, inputs: dict[str, Array], sent: dict[str, InputTensor], limits: RequestLimits) -> None:
        if not self.signature.has_rows:
            return
        first = next(iter(inputs))
        count = len(inputs[first])
        for name, array in inputs.items():
            if len(array) != count:
                raise sent[name].refusal(f"it has {len(array)} rows, and '{first}' {count}")
        if count < 1:
            raise sent[first].refusal("it has no rows; there must be at least 1")
        check_items(self.signature.noun, count, limits)

    def _work(self, read: Read) -> Work:
        def write(results: list[TensorResult]) -> Written:
            (result,) = results
            return Written(self._in_json(result, is_single=read.is_single))

        return Work([read.item], write, in_order=read.in_order)

    def _in_json(self, result: TensorResult, *, is_single: bool) -> Any:
        """Return one row's outputs, or a list with those of each; the only output stands for itself."""
        tensors = self.signature.outputs
        values = {tensor.name: to_json(tensor, result.outputs[tensor.name]) for tensor in tensors}
        if len(values) == 1:
            (found,) = values.values()
            return found[0] if is_single and self.signature.has_rows else found
        if not self.signature.has_rows:
            return values
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        return rows[0] if is_single else rows

    def _outputs(self, results: list[TensorResult]) -> Outputs:
        (result,) = results
        return {
            tensor.name: lambda tensor=tensor: to_output(tensor, result.outputs[tensor.name])  # type: ignore[misc]
            for tensor in self.signature.outputs
        }


def _lacking(missing: Any) -> str:
    return f"'{missing[0]}' is missing" if isinstance(missing, list) else "one is there twice"


def _field_of(parameter: Parameter) -> Any:
    annotation: Any = Literal[parameter.choices] if parameter.choices else _TYPES[parameter.type]
    bounds: dict[str, Any] = {"ge": parameter.minimum, "le": parameter.maximum}
    if parameter.type == "float":
        bounds["allow_inf_nan"] = False
    given = {name: value for name, value in bounds.items() if value is not None}
    return Annotated[annotation, Field(**given)], Field(default=parameter.default, description=parameter.description)
