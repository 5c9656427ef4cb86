"""BERT as an OpenVINO graph, built from a state dict: no PyTorch is needed, at conversion or after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import Model, opset15
from pydantic import BaseModel, ConfigDict, Field, model_validator

Node = Any

Pooling = Literal["mean", "first"]

# Added to the attention of padding: in effect minus infinity, and still finite in 16 bits.
_NO_ATTENTION = 1e4

_LARGEST_BYTE = np.float32(127)


class BertConfig(BaseModel):
    """What of `config.json` the graph depends on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    hidden_size: int = Field(ge=1)
    num_attention_heads: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=1)
    layer_norm_eps: float = Field(gt=0)

    @model_validator(mode="after")
    def _whole_heads(self) -> BertConfig:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is no multiple of its {self.num_attention_heads} heads")
        return self


def build(config: BertConfig, state: Mapping[str, NDArray[np.float32]], pooling: Pooling) -> Model:
    """The network from token ids to sentence embeddings (Devlin et al. 2019; Reimers and Gurevych 2019).

    Inputs are `ids` (batch, tokens) int64 and `mask` (batch, tokens) float32, 0 for padding; the output is
    (batch, hidden_size) float32, rows of length 1.

    Raises:
        KeyError: the state dict lacks a weight.
    """
    return _Builder(config, state).model(pooling)


class _Builder:
    def __init__(self, config: BertConfig, state: Mapping[str, NDArray[np.float32]]) -> None:
        self._config = config
        self._state = state

    def model(self, pooling: Pooling) -> Model:
        ids = opset15.parameter([-1, -1], np.int64, name="ids")
        mask = opset15.parameter([-1, -1], np.float32, name="mask")
        attention = _scaled(opset15.subtract(mask, _number(1)), _NO_ATTENTION)
        hidden = self._embed(ids)
        for layer in range(self._config.num_hidden_layers):
            hidden = self._layer(hidden, opset15.unsqueeze(attention, _integers(1, 2)), f"encoder.layer.{layer}.")
        pooled = _mean(hidden, mask) if pooling == "mean" else opset15.gather(hidden, _integers(0), _integers(1))
        return Model([_unit(opset15.reshape(pooled, _integers(-1, self._config.hidden_size), False))], [ids, mask])

    def _weight(self, name: str) -> Node:
        return opset15.constant(self._state[name])

    def _embed(self, ids: Node) -> Node:
        words = opset15.gather(self._weight("embeddings.word_embeddings.weight"), ids, _integers(0))
        tokens = opset15.gather(opset15.shape_of(ids), _integers(1), _integers(0))
        places = self._weight("embeddings.position_embeddings.weight")
        places = opset15.slice(places, _integers(0), tokens, _integers(1), _integers(0))
        kind = opset15.constant(self._state["embeddings.token_type_embeddings.weight"][0])
        return self._normalize(opset15.add(opset15.add(words, places), kind), "embeddings.LayerNorm")

    def _layer(self, hidden: Node, attention: Node, name: str) -> Node:
        parts = [
            self._heads(self._linear(hidden, f"{name}attention.self.{part}")) for part in ("query", "key", "value")
        ]
        context = opset15.transpose(opset15.scaled_dot_product_attention(*parts, attention), _integers(0, 2, 1, 3))
        context = opset15.reshape(context, _integers(0, 0, self._config.hidden_size), True)
        context = self._linear(context, f"{name}attention.output.dense")
        hidden = self._normalize(opset15.add(hidden, context), f"{name}attention.output.LayerNorm")
        inner = opset15.gelu(self._linear(hidden, f"{name}intermediate.dense"), "erf")
        inner = self._linear(inner, f"{name}output.dense")
        return self._normalize(opset15.add(hidden, inner), f"{name}output.LayerNorm")

    def _heads(self, values: Node) -> Node:
        heads = self._config.num_attention_heads
        split = opset15.reshape(values, _integers(0, 0, heads, self._config.hidden_size // heads), True)
        return opset15.transpose(split, _integers(0, 2, 1, 3))

    def _linear(self, values: Node, name: str) -> Node:
        product = opset15.matmul(values, _in_bytes(self._state[f"{name}.weight"]), False, True)
        return opset15.add(product, self._weight(f"{name}.bias"))

    def _normalize(self, values: Node, name: str) -> Node:
        centred = opset15.mvn(values, _integers(-1), True, self._config.layer_norm_eps, "inside_sqrt")
        return opset15.add(opset15.multiply(centred, self._weight(f"{name}.weight")), self._weight(f"{name}.bias"))


def _in_bytes(weights: NDArray[np.float32]) -> Node:
    """A matrix kept as int8 with one scale a row: a short text costs what reading the weights costs."""
    largest = np.abs(weights).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest, 1).astype(np.float32) / _LARGEST_BYTE
    quantized = opset15.constant(np.round(weights / scales).astype(np.int8))
    return opset15.multiply(opset15.convert(quantized, "f32"), opset15.constant(scales))


def _mean(hidden: Node, mask: Node) -> Node:
    # The sum will do: rows are scaled to length 1 afterwards.
    return opset15.reduce_sum(opset15.multiply(hidden, opset15.unsqueeze(mask, _integers(-1))), _integers(1))


def _unit(rows: Node) -> Node:
    squares = opset15.reduce_sum(opset15.multiply(rows, rows), _integers(1), keep_dims=True)
    return opset15.divide(rows, opset15.sqrt(squares))


def _scaled(values: Node, factor: float) -> Node:
    return opset15.multiply(values, _number(factor))


def _number(value: float) -> Node:
    return opset15.constant(np.float32(value))


def _integers(*values: int) -> Node:
    return opset15.constant(np.array(values, np.int64))


def compiled(model: Model, threads: int) -> openvino.InferRequest:
    """The network ready for requests of one caller at a time; 0 threads for one on each core."""
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
