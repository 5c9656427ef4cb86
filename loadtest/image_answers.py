"""What each engine and precision changes in the answers to real photos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.errors import BenchmarkError
from loadtest.image_engines import photos_in
from loadtest.image_variants import REFERENCE, Device, Network, Variant, chosen
from loadtest.programs import program
from loadtest.report import Report

LABELS = Path("images") / "imagenet_labels.csv"

# Photos of a hundred that should keep their first class, by precision.
WANTED = {"fp32": 99, "bf16": 97, "fp16": 97, "int8": 95}

_COLUMNS = ["Engine", "Same first class", "Wanted", "Largest difference", "Mean of a photo's largest", "Right"]
_INT8 = (
    "int8: two networks, each quantized with one half of the photos and their mirror images, and judged by the other "
    "half."
)


def measure(architecture: str, *, device: Device, data: Path, only: Sequence[str] | None) -> Report:
    """Compare every engine with PyTorch in fp32 as it comes.

    Args:
        architecture: torchvision's name of the network.
        device: where the engines run.
        data: folder with `images/imagenet`, `images/imagenet_labels.csv` and `weights/ARCHITECTURE.pth`.
        only: parts of the engines' names; none for all.

    Raises:
        BenchmarkError: the data is not complete.
    """
    # Keras's networks have weights of their own: there is nothing to compare them with.
    variants = [each for each in chosen(device, only) if each is not REFERENCE and not each.of_keras]
    network, photos = Network(architecture, str(_needed(data / "weights" / f"{architecture}.pth"))), photos_in(data)
    if not photos:
        raise BenchmarkError(f"{data / 'images' / 'imagenet'} holds no photos; correct --data.")
    labels = _needed(data / LABELS)
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    with TemporaryDirectory(prefix="loadtest-") as cache:
        shared = ["--settings", json.dumps(network.settings), "--labels", str(labels), "--photos", *map(str, photos)]
        with program("image_answers", *shared, environment={"SCORING_CACHE": cache}) as answers:
            for variant in variants:
                settings = json.loads(network.loaded(variant, device))["model"]
                try:
                    found[variant.name] = answers.ask(settings=settings, quantized=variant.quantized)
                except BenchmarkError as error:
                    left_out[variant.name] = str(error)
            return report(architecture, answers.facts, variants, found, left_out)


def report(
    architecture: str,
    reference: Mapping[str, Any],
    variants: Sequence[Variant],
    found: Mapping[str, Mapping[str, Any]],
    left_out: Mapping[str, str],
) -> Report:
    """Put answers into a table.

    Args:
        architecture: of the network.
        reference: photos and accuracy of PyTorch in fp32 as it comes.
        variants: the engines in order.
        found: what the program said of each.
        left_out: why the others are not there.
    """
    photos = reference["photos"]
    own = [REFERENCE.name, "", "", "", "", f"{reference['accuracy']:.0%}"]
    answered = [variant for variant in variants if variant.name in found]
    return Report(
        f"Answers: {architecture} on {photos} photos, beside {REFERENCE.name}",
        _COLUMNS,
        [own, *(_row(variant, found[variant.name]) for variant in answered)],
        [
            *([_INT8] * any(variant.precision == "int8" for variant in answered)),
            *(note for variant in answered if (note := _others(variant, found[variant.name]))),
            *(f"{name} is left out. {why}" for name, why in left_out.items()),
        ],
        {"reference": dict(reference), "engines": {**found}, "left_out": dict(left_out)},
    )


def _row(variant: Variant, found: Mapping[str, Any]) -> list[str]:
    photos = found["images"]
    return [
        variant.name,
        f"{found['agreement'] * photos:.0f} of {photos}",
        f"{WANTED[variant.precision]} %",
        f"{found['difference']:.2g}",
        f"{found['difference_mean']:.2g}",
        f"{found['accuracy'][0]:.0%}",
    ]


def _others(variant: Variant, found: Mapping[str, Any]) -> str:
    """Say how sure the reference was of the photos that have another class."""
    margins = sorted(found["others"].values())
    if not margins:
        return ""
    return (
        f"{variant.name}: where the class is another, the reference's first two were "
        f"{', '.join(f'{margin:.3f}' for margin in margins)} apart."
    )


def _needed(path: Path) -> Path:
    if not path.is_file():
        raise BenchmarkError(f"{path} is missing; correct --data, or --network.")
    return path.resolve()
