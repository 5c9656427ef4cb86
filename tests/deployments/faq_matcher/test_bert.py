import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import erf

openvino = pytest.importorskip("openvino", reason="needs the extra `semantic`")

from deployments.faq_matcher import bert as bert_module  # noqa: E402
from deployments.faq_matcher.bert import BertConfig, build  # noqa: E402


class PlainBert:
    """The network's forward pass in NumPy, its matrices rounded to bytes; one text at a time, without padding."""

    def __init__(self, state, config):
        self.state = {name: value.astype(np.float64) for name, value in state.items()}
        self.config = config

    def embed(self, ids, pooling):
        hidden = self.state["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + self.state["embeddings.position_embeddings.weight"][: len(ids)]
        hidden = self.norm(hidden + self.state["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            context = self.linear(self.attend(hidden, f"{name}.attention.self"), f"{name}.attention.output.dense")
            hidden = self.norm(hidden + context, f"{name}.attention.output.LayerNorm")
            inner = self.linear(hidden, f"{name}.intermediate.dense")
            inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
            hidden = self.norm(hidden + self.linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        pooled = hidden.mean(axis=0) if pooling == "mean" else hidden[0]
        return pooled / np.linalg.norm(pooled)

    def attend(self, hidden, name):
        size = self.config["hidden_size"] // self.config["num_attention_heads"]
        query, key, value = (self.linear(hidden, f"{name}.{part}") for part in ("query", "key", "value"))
        heads = []
        for start in range(0, self.config["hidden_size"], size):
            part = slice(start, start + size)
            scores = np.exp(query[:, part] @ key[:, part].T / np.sqrt(size))
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, part])
        return np.concatenate(heads, axis=1)

    def linear(self, values, name):
        weights = self.state[f"{name}.weight"]
        scales = np.abs(weights).max(axis=1, keepdims=True) / 127
        return values @ (np.round(weights / scales) * scales).T + self.state[f"{name}.bias"]

    def norm(self, values, name):
        centred = values - values.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt(centred.var(axis=1, keepdims=True) + self.config["layer_norm_eps"])
        return scaled * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]


@pytest.fixture(scope="module")
def plain(bert_state, bert_config):
    return PlainBert(bert_state, bert_config)


@pytest.fixture(scope="module")
def networks(bert_state, bert_config):
    """With all digits, whatever the processor would rather compute with."""
    core, config = openvino.Core(), BertConfig(**bert_config)
    exact = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
    models = {mode: build(config, bert_state, mode) for mode in ("mean", "first")}
    return {mode: core.compile_model(model, "CPU", exact).create_infer_request() for mode, model in models.items()}


def infer(network, texts):
    longest = max(map(len, texts))
    ids = np.array([[*text, *[0] * (longest - len(text))] for text in texts], np.int64)
    mask = np.array([[1] * len(text) + [0] * (longest - len(text)) for text in texts], np.float32)
    return network.infer({"ids": ids, "mask": mask})[0].copy()


def test_texts_are_told_apart(plain):
    """So that the tests below could fail."""
    texts = [[2, 9, 3], [2, 10, 3], [2, 9, 10, 11, 3], [2, 10, 9, 11, 3]]
    for pooling in ("mean", "first"):
        embeddings = np.stack([plain.embed(text, pooling) for text in texts])
        assert np.abs(embeddings[:, None] - embeddings[None]).max(axis=2)[np.triu_indices(4, 1)].min() > 0.01
    assert np.abs(plain.embed(texts[2], "mean") - plain.embed(texts[2], "first")).max() > 0.05


tokens = st.lists(st.integers(0, 50), min_size=1, max_size=30)


@pytest.mark.parametrize("pooling", ["mean", "first"])
@given(st.lists(tokens, min_size=1, max_size=4))
def test_embeddings_are_those_of_a_plain_forward_pass(networks, plain, pooling, texts):
    embeddings = infer(networks[pooling], texts)
    expected = np.stack([plain.embed(text, pooling) for text in texts])
    np.testing.assert_allclose(embeddings, expected, atol=1e-4)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_as_served_embeddings_are_as_near_as_half_precision_is(bert_state, bert_config, plain, pooling):
    network = bert_module.compiled(build(BertConfig(**bert_config), bert_state, pooling), 1)
    texts = [[2, 9, 3], [2, *range(4, 30), 3], [2, 7, 7, 7, 50, 3]]
    expected = np.stack([plain.embed(text, pooling) for text in texts])
    np.testing.assert_allclose(infer(network, texts), expected, atol=2e-2)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_padding_does_not_change_an_embedding(networks, pooling):
    short, long = [2, 9, 3], [2, *range(4, 30), 3]
    (alone,) = infer(networks[pooling], [short])
    beside, _ = infer(networks[pooling], [short, long])
    np.testing.assert_allclose(beside, alone, atol=1e-5)


def test_a_missing_weight_is_named(bert_state, bert_config):
    state = {name: value for name, value in bert_state.items() if name != "encoder.layer.1.output.dense.bias"}
    with pytest.raises(KeyError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        build(BertConfig(**bert_config), state, "mean")


@pytest.mark.parametrize(
    "change", [{"model_type": "mpnet"}, {"hidden_act": "relu"}, {"num_hidden_layers": 0}, {"num_attention_heads": 3}]
)
def test_other_networks_are_refused(bert_config, change):
    with pytest.raises(ValidationError):
        BertConfig(**bert_config | change)
