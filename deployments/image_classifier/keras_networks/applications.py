"""The networks of `keras.applications`: what Keras says of them, and building them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from deployments.contracts import ImagePreset
from deployments.errors import StartupError
from deployments.image_classifier.keras_networks.facts import Known
from deployments.image_classifier.keras_networks.library import keras
from deployments.image_classifier.keras_settings import CROP

WHITE = 255
CHANNELS = 3


class _Asked(Exception):
    """Keras wants a file; carries its URL and digest."""


def known(application: str) -> Known:
    """Ask Keras about an application.

    Raises:
        StartupError: there is no such application.
    """
    builder = _builder(application)
    url, digest = _published(builder, application)
    mean, std, channels = normalization_of(sys.modules[builder.__module__].preprocess_input)
    _, side, *_ = build(application, classes=None, seed=0).input_shape
    return Known(url, digest, ImagePreset(side or CROP, side or CROP, "bilinear", mean, std, channels))


def build(application: str, *, classes: int | None, seed: int) -> Any:
    """Return the network with random weights, the same for the same seed; ImageNet's classes where none are given."""
    keras.utils.set_random_seed(seed)
    options = {} if classes is None else {"classes": classes}
    return _builder(application)(weights=None, **options)


def _builder(application: str) -> Callable[..., Any]:
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    if application not in names:
        nearest = ", ".join(difflib.get_close_matches(application, names, cutoff=0.0))
        raise StartupError(
            f"keras.application must be a network of keras.applications, not {application!r}; near: {nearest}."
        )
    builder: Callable[..., Any] = getattr(keras.applications, application)
    return builder


def _published(builder: Callable[..., Any], application: str) -> tuple[str, str]:
    """Return URL and digest of ImageNet's weights: Keras has no list of them, but asks for them by name."""
    try:
        with _asking():
            builder(weights="imagenet")
    except _Asked as asked:
        url, digest = asked.args
        return url, digest
    raise StartupError(
        f"This version of Keras does not say where the weights of {application} are: name a file with keras.uri."
    )


@contextmanager
def _asking() -> Iterator[None]:
    from keras.src.utils import file_utils  # noqa: PLC0415 - no public name has it

    def ask(_name: str, origin: str = "", file_hash: str | None = None, **_: Any) -> str:
        raise _Asked(origin, file_hash or "")

    download = file_utils.get_file
    file_utils.get_file = ask
    try:
        yield
    finally:
        file_utils.get_file = download


def normalization_of(
    preprocess: Callable[..., Any],
) -> tuple[tuple[float, float, float], tuple[float, float, float], Literal["RGB", "BGR"]]:
    """Return mean, standard deviation and order of channels of a `preprocess_input`, from what it makes of pixels.

    Args:
        preprocess: scales and shifts each channel, and may turn their order round.

    Raises:
        StartupError: it does something else.
    """
    # A black pixel, and one of each primary colour.
    pixels = np.concatenate([np.zeros((1, CHANNELS)), WHITE * np.eye(CHANNELS)]).astype(np.float32)
    black, *colours = np.asarray(preprocess(pixels[None, None], data_format="channels_last"), np.float64)[0, 0]
    # By channel before and after.
    scale = np.stack(colours) - black
    channels: Literal["RGB", "BGR"] = "RGB" if scale[0, 0] else "BGR"
    ordered = scale if channels == "RGB" else scale[::-1]
    if np.count_nonzero(ordered) != CHANNELS or not np.diag(ordered).all():
        raise StartupError("This version of Keras prepares images otherwise than known here: give keras.normalization.")
    std = 1 / np.diag(ordered)
    mean = -black * std
    return _three(mean), _three(std), channels


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
