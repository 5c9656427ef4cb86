import json
import unicodedata
from types import SimpleNamespace

import numpy as np
import pytest

from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train


@pytest.fixture(scope="session")
def faq():
    return FaqData(
        originals=(
            Original(1, 101, "How do I delete my account?"),
            Original(2, 201, "How do I export messages to a file?"),
            Original(3, 301, "Which formats may an image have?"),
            Original(4, 401, "Wie ändere ich das Kennwort?"),
        ),
        duplicates=(
            Duplicate(1001, 101, "Removing the account"),
            Duplicate(1002, 101, "I want to get rid of my account, how?"),
            Duplicate(2001, 201, "Save mails as text"),
        ),
    )


@pytest.fixture(scope="session")
def learned(faq):
    return train(faq)


@pytest.fixture(scope="session")
def model(learned):
    return FaqModel(learned)


@pytest.fixture(scope="session")
def answered_faq(faq):
    """The FAQ with answers: two to the first question, none to the third."""
    answers = (
        Answer(102, 1, "Write to the support."),
        Answer(101, 1, "Open the settings and choose Close."),
        Answer(209, 2, "In the menu, choose Export."),
        Answer(401, 4, "In den Einstellungen."),
    )
    return FaqData(faq.originals, faq.duplicates, answers)


@pytest.fixture(scope="session")
def meaning_model(answered_faq, bert):
    """A model with a sentence encoder; a random one, so that what it finds close means nothing."""
    recipe = Recipe(encoder=str(bert("mean")))
    return FaqModel.of(train(answered_faq, recipe), max_text_length=100_000, default_top_k=None)


@pytest.fixture(scope="session")
def spelled():
    """Features of a text as plain Python finds them."""
    return _spelled


def _spelled(text, gram_lengths=(3, 4), head_words=25):
    characters = unicodedata.normalize("NFKC", text).casefold()
    words, head, in_head, at = [], 0, True, 0
    while at < len(characters):
        end = at
        while end < len(characters) and _is_word(characters[end]):
            end += 1
        if end > at:
            words.append(characters[at:end])
            head += in_head and len(words) <= head_words
        elif words and characters[at] == "\n":
            in_head = False
        at = max(end, at + 1)
    features = [(feature, owner) for owner, word in enumerate(words) for feature in _of_word(word, gram_lengths)]
    return SimpleNamespace(words=words, head=head, features=features)


def _is_word(character):
    return (
        character.isalnum()
        or character == "_"
        or (unicodedata.category(character)[0] == "M" and character < "\U00033480")
    )


def _of_word(word, gram_lengths):
    marked = f"<{word}>"
    grams = (marked[at : at + n] for n in gram_lengths if n < len(marked) for at in range(len(marked) - n + 1))
    return [marked, *grams]


# A small BERT

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PIECES = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "account", "delete", "how"]
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "layer_norm_eps": 1e-12,
}
MAX_TOKENS = 24


@pytest.fixture(scope="session")
def bert_config():
    return dict(CONFIG)


@pytest.fixture(scope="session")
def bert_state():
    """Random weights of a small BERT, by their names in a state dict."""
    random, size, inner = np.random.default_rng(5), CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES), size),
        "embeddings.position_embeddings.weight": (MAX_TOKENS + 8, size),
        "embeddings.token_type_embeddings.weight": (2, size),
        "embeddings.LayerNorm.weight": (size,),
        "embeddings.LayerNorm.bias": (size,),
    }
    for layer in range(CONFIG["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= {f"{name}.attention.{part}.weight": (size, size), f"{name}.attention.{part}.bias": (size,)}
        shapes |= {f"{name}.intermediate.dense.weight": (inner, size), f"{name}.intermediate.dense.bias": (inner,)}
        shapes |= {f"{name}.output.dense.weight": (size, inner), f"{name}.output.dense.bias": (size,)}
        for part in ("attention.output", "output"):
            shapes |= {f"{name}.{part}.LayerNorm.weight": (size,), f"{name}.{part}.LayerNorm.bias": (size,)}
    state = {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    # Words that tell texts apart, whatever stands beside them.
    state["embeddings.word_embeddings.weight"] *= 4
    return {name: value + ("LayerNorm.weight" in name) for name, value in state.items()}


@pytest.fixture(scope="session")
def bert(tmp_path_factory, bert_state):
    """Write the small BERT as sentence-transformers does; returns its directory."""
    tokenizers = pytest.importorskip("tokenizers", reason="needs the extra `semantic`")
    safetensors = pytest.importorskip("safetensors.numpy", reason="needs the extra `semantic`")
    pytest.importorskip("openvino", reason="needs the extra `semantic`")

    def write(pooling):
        directory = tmp_path_factory.mktemp("bert")
        (directory / "1_Pooling").mkdir()
        modes = {"pooling_mode_cls_token": pooling == "first", "pooling_mode_mean_tokens": pooling == "mean"}
        (directory / "1_Pooling" / "config.json").write_text(json.dumps(modes))
        (directory / "config.json").write_text(json.dumps(CONFIG))
        (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": MAX_TOKENS}))
        _tokenizer(tokenizers).save(str(directory / "tokenizer.json"))
        safetensors.save_file(bert_state, directory / "model.safetensors")
        return directory

    return write


def _tokenizer(tokenizers):
    places = {piece: place for place, piece in enumerate(PIECES)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(places, unk_token=SPECIAL[1]))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ends = [(name, places[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    # As published: the encoder must undo both.
    tokenizer.enable_padding(length=MAX_TOKENS)
    tokenizer.enable_truncation(MAX_TOKENS + 4)
    return tokenizer
