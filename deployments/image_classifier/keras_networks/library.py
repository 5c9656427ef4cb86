"""Keras on TensorFlow, imported in one way only: the backend is settled before, and what it prints is kept back.

Importing takes many seconds and hundreds of megabytes, so this is done where a network of Keras is loaded.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deployments.errors import StartupError
from deployments.image_classifier.engines.devices import may_have_gpu, usable_cpus

__all__ = ["keras", "settle", "tf", "without_noise"]

# How lines begin that its native parts write whatever the level of logs, as in `I0000 00:00:17... port.cc:153]`.
NOISE = (b"I0000 ", b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR")

# Looking for a GPU where there is none.
NO_GPU = b"failed call to cuInit"

STDERR = 2


@contextmanager
def without_noise() -> Iterator[None]:
    """Hold back what native code writes to standard error; afterwards write what is no mere information."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            written.seek(0)
            os.write(STDERR, b"".join(line for line in written if not _is_noise(line)))


def _is_noise(line: bytes) -> bool:
    return line.startswith(NOISE) or (NO_GPU in line and not may_have_gpu())


os.environ["KERAS_BACKEND"] = "tensorflow"
# What goes wrong comes as an exception; that there is no GPU goes wrong for nobody.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    with without_noise():
        import keras
        import tensorflow as tf
except ImportError as error:
    raise StartupError(
        f"{str(error.name).partition('.')[0]} is not installed, which networks of Keras need: install it with "
        "`pip install 'ray-scoring[keras]'`, or name a converted model with model_dir."
    ) from None
if keras.backend.backend() != "tensorflow":
    raise StartupError(
        f"Keras runs on {keras.backend.backend()} in this process, and networks of Keras run on TensorFlow here: "
        "do not import keras before."
    )
tf.get_logger().setLevel("ERROR")


def settle(threads: int | None, *, gpu: bool) -> None:
    """Say what TensorFlow may use, before it computes for the first time; later on this is without effect.

    Args:
        threads: of the CPU; None for as many as this process may run on.
        gpu: whether it may use one; of its memory it takes as much as it needs.
    """
    with without_noise():
        devices: list[Any] = tf.config.list_physical_devices("GPU")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(usable_cpus(threads))
        # Layers follow each other; only within one is there work for several threads.
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for device in devices:
            tf.config.experimental.set_memory_growth(device, True)  # noqa: FBT003 - TensorFlow's own
        if not gpu:
            tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        # It runs already, with what was said first.
        return
