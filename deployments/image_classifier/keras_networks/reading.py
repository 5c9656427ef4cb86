"""`.keras` files, SavedModels and weights become functions of pixels.

A `.keras` file is a description and weights: its code, if any, is not run. A SavedModel is a TensorFlow graph, whose
operations may read and write files: whoever names one trusts it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deployments.errors import StartupError
from deployments.image_classifier.fetching import WeightsFile
from deployments.image_classifier.keras_networks import applications
from deployments.image_classifier.keras_networks.library import keras, tf
from deployments.image_classifier.keras_networks.source import KerasSource

# What Keras says of classes that it does not have.
UNKNOWN_CLASS = re.compile(r"Could not locate (?:class|function) '([^']{1,80})'")
SIGNATURE = "serving_default"


@dataclass(frozen=True, slots=True)
class ReadNetwork:
    """A network without what belongs around it.

    Attributes:
        call: from (n, height, width, channels) float32, normalized, to what the network gives.
        size: bytes of its weights.
        takes: the sizes of its input without the first, None for any; None where they are not known.
    """

    call: Callable[[Any], Any]
    size: int
    takes: tuple[int | None, ...] | None


def read(source: KerasSource) -> ReadNetwork:
    """Read the network, weights in it.

    Raises:
        StartupError: the file is damaged, needs code of its own, or does not fit the application.
    """
    if source.application is None:
        assert source.file is not None  # noqa: S101 - else there is no network
        if source.file.path.is_dir():
            return _read_saved_model(source.file)
        return _function(_read_network(source.file))
    network = applications.build(source.application, classes=len(source.labels), seed=source.seed)
    if source.file is not None:
        _read_weights(network, source.file, f"{source.application} with {len(source.labels)} classes")
    return _function(network)


def _function(network: Any) -> ReadNetwork:
    size = sum(variable.numpy().nbytes for variable in network.variables)
    shape = getattr(network, "input_shape", None)
    # Of several inputs it is a list or a dictionary.
    takes = tuple(shape[1:]) if isinstance(shape, tuple) else None
    return ReadNetwork(lambda pixels: network(pixels, training=False), size, takes)


def _read_network(file: WeightsFile) -> Any:
    try:
        # Code in the file is not run: layers of Python code are refused.
        with _whole():
            return keras.saving.load_model(file.path, compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001 - on a file of another kind it raises nearly anything
        raise StartupError(f"The Keras network {file.name} {_why(str(error))}.") from None


def _why(error: str) -> str:
    if "Lambda" in error or "safe_mode" in error:
        return (
            "holds Python code (a Lambda layer), which is not run: put layers of Keras in its place, or save it with "
            "`model.export(DIRECTORY)`"
        )
    if unknown := UNKNOWN_CLASS.search(error):
        return f"needs {unknown[1]}, which is not a part of Keras: save it with `model.export(DIRECTORY)`"
    return "cannot be read: it is damaged, or not saved by Keras 3 with `model.save('network.keras')`"


def _read_saved_model(file: WeightsFile) -> ReadNetwork:
    model = _open_saved_model(file)
    signature = model.signatures[SIGNATURE]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise StartupError(
            f"The SavedModel {file.name} takes {len(inputs)} tensors and gives {len(outputs)}, "
            "and a network that classifies images takes and gives one."
        )
    ((name, spec),) = inputs.items()

    def call(pixels: Any) -> Any:
        # The model is held as long as its function, else its variables would go.
        (answers,) = model.signatures[SIGNATURE](**{name: tf.cast(pixels, spec.dtype)}).values()
        return answers

    size = sum(variable.numpy().nbytes for variable in signature.variables)
    return ReadNetwork(call, size, None if spec.shape.rank is None else tuple(spec.shape.as_list()[1:]))


def _open_saved_model(file: WeightsFile) -> Any:
    try:
        model = tf.saved_model.load(str(file.path))
    except Exception:  # noqa: BLE001 - on damaged files it raises nearly anything
        raise StartupError(
            f"The SavedModel {file.name} is damaged, or of another TensorFlow: export it again."
        ) from None
    if SIGNATURE not in model.signatures:
        raise StartupError(
            f"The SavedModel {file.name} has no signature {SIGNATURE}: save the network with `model.export(DIRECTORY)`."
        )
    return model


def _read_weights(network: Any, file: WeightsFile, what: str) -> None:
    try:
        with _whole():
            network.load_weights(file.path)
    except Exception:  # noqa: BLE001 - as above
        raise StartupError(f"The weights file {file.name} does not fit {what}, or is damaged.") from None


@contextmanager
def _whole() -> Iterator[None]:
    """Raise where Keras would only warn that part of a network keeps random weights."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Skipping nested container")
        yield
