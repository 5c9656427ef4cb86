"""The benchmarks of the image classifier, as commands of `scoring bench`."""

# As in commands.py: each benchmark is imported by its own command.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loadtest.configs import read_config
from loadtest.errors import BenchmarkError
from loadtest.options import Config, Device, Network, Only, Photos, Reports, Rounds, Seconds, benchmark
from loadtest.payloads import photo_payloads

# Of 150 KB each as pixels, and many times that inside of a network.
MOST_IN_A_BATCH = 4096

IMAGE_DATA = typer.Option(help="Folder with images/imagenet/, images/imagenet_labels.csv and weights/NETWORK.pth.")


@benchmark
def engines(
    *,
    network: Network = "resnet152",
    device: Device = "cpu",
    batches: Annotated[str, typer.Option(help="Batch sizes, with commas between them.")] = "1,8,32,128",
    data: Annotated[Path | None, IMAGE_DATA] = None,
    only: Only = None,
    starts: Annotated[int, typer.Option(min=1, help="Starts of each engine with its cache.")] = 2,
    seconds: Annotated[float, typer.Option(min=0.1, help="Least length of each measurement.")] = 3,
    rounds: Rounds = 3,
) -> Reports:
    """Start, latency, images per second and memory of each engine, without a service."""
    from loadtest.image_engines import measure

    return [
        measure(
            network,
            device=device,
            batches=_numbers(batches),
            data=data,
            only=only,
            seconds=seconds,
            rounds=rounds,
            starts=starts,
        )
    ]


@benchmark
def answers(
    *,
    data: Annotated[Path, IMAGE_DATA],
    network: Network = "mobilenet_v2",
    device: Device = "cpu",
    only: Only = None,
) -> Reports:
    """What each engine and precision changes in the answers to real photos."""
    from loadtest.image_answers import measure

    return [measure(network, device=device, data=data, only=only)]


@benchmark
def image_service(
    *,
    config: Config = None,
    photos: Photos = None,
    seconds: Seconds = 15,
    rounds: Rounds = 3,
) -> Reports:
    """The service over HTTP beside its bare engine: one client's latency, images per second of several."""
    from loadtest.image_service import measure

    return measure(read_config(config), photo_payloads(photos), seconds=seconds, rounds=rounds)


@benchmark
def decode(
    *,
    photos: Photos = None,
    weights: Annotated[
        str | None, typer.Option(help="State dict of mobilenet_v2, to also tell what scaled decoding does to classes.")
    ] = None,
    seconds: Seconds = 10,
    rounds: Rounds = 3,
) -> Reports:
    """Time to prepare a photo on one core, as it is and at 12 megapixels."""
    from loadtest.decode import measure

    return [measure(photos, weights=weights, seconds=seconds, rounds=rounds)]


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 0 < int(part) <= MOST_IN_A_BATCH for part in parts):
        raise BenchmarkError(f"--batches takes numbers from 1 to {MOST_IN_A_BATCH}, as in 1,8,32; not {text}.")
    return [int(part) for part in parts]
