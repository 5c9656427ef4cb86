"""Trained weights are put into a network."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import torch

from deployments.errors import StartupError

# Densenet's published files spell `denselayer1.norm1` as `denselayer1.norm.1`.
OLD_DENSENET_KEY = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


def load_state_dict(network: torch.nn.Module, path: Path, *, name: str, architecture: str) -> None:
    """Put the tensors of a file into a network.

    Args:
        network: takes them.
        path: the file, as `torch.save` writes it; only tensors are unpickled.
        name: what to call the file in messages.
        architecture: what to call the network in messages.

    Raises:
        StartupError: no such file, or it does not fit the network.
    """
    state = _read(path, name)
    if difference := _difference(network.state_dict(), state):
        raise StartupError(f"The weights file {name} does not fit {architecture}: {difference}.")
    try:
        network.load_state_dict(state)
    except (RuntimeError, ValueError):
        raise StartupError(f"The weights file {name} does not fit {architecture}.") from None


def _read(path: Path, name: str) -> MutableMapping[str, torch.Tensor]:
    try:
        # Mapped, the file is copied into the network without a second copy in memory; older formats cannot be.
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception:  # noqa: BLE001 - on a file of another kind it raises nearly anything
        raise StartupError(f"The weights file {name} is not a PyTorch state dict.") from None
    if not _is_state_dict(state):
        raise StartupError(f"The weights file {name} holds something else than the tensors of a state dict.")
    # In place: the dictionary carries the versions of its modules as an attribute.
    tensors: MutableMapping[str, torch.Tensor] = state
    for key in [key for key in tensors if OLD_DENSENET_KEY.search(key)]:
        tensors[OLD_DENSENET_KEY.sub(r"\1\2.", key)] = tensors.pop(key)
    return tensors


def _is_state_dict(state: Any) -> bool:
    return isinstance(state, MutableMapping) and all(
        isinstance(key, str) and isinstance(tensor, torch.Tensor) for key, tensor in state.items()
    )


def _difference(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> str | None:
    """Describe the first difference; None if there is none."""
    for key, tensor in expected.items():
        if key not in found:
            # Files of before PyTorch 0.4.1 have no such counter, which inference does not use.
            if not key.endswith("num_batches_tracked"):
                return f"it has no {key}"
        elif found[key].shape != tensor.shape:
            return f"its {key} has the shape {tuple(found[key].shape)}, not {tuple(tensor.shape)}"
    unexpected = next((key for key in found if key not in expected), None)
    return None if unexpected is None else f"it has {unexpected}, which the network has not"
