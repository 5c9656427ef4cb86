"""`scoring bench peers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loadtest.options import Photos, Questions, Reports, Rounds, benchmark


@benchmark
def peers(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this server: ours, fastapi, litserve, bentoml, mlserver; may be given several times."),
    ] = None,
    cells: Annotated[
        list[str] | None, typer.Option(help="Only this cell, as in faq-16 or image-8; may be given several times.")
    ] = None,
    workers: Annotated[
        list[int] | None, typer.Option(min=1, help="Worker processes; may be given several times.", show_default="1, 2")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each round of a cell.")] = 6,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of load before each cell.")] = 1,
    rounds: Rounds = 3,
    faq: Annotated[
        Path | None, typer.Option(help="FAQ made by `scoring faq prepare`; without one, the product's sample.")
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option(help="Network made by `scoring image convert`; without one, ResNet-152, converted at the start."),
    ] = None,
    questions: Questions = None,
    photos: Photos = None,
    alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Also peers with settings that were not chosen.")
    ] = False,
    plots: Annotated[Path | None, typer.Option(help="Directory for pictures, one for each table.")] = None,
) -> Reports:
    """The same models with LitServe, BentoML, MLServer, FastAPI and ours: throughput, latency, memory; 45 minutes."""
    from loadtest.payloads import photo_payloads, question_payloads  # noqa: PLC0415 - as in commands.py
    from loadtest.peers.comparing import Wanted, compare  # noqa: PLC0415

    return compare(
        Wanted(
            only=only or [],
            cells=cells or [],
            workers=workers or [1, 2],
            seconds=seconds,
            warm_up=warm_up,
            rounds=rounds,
            faq=faq,
            network=network,
            alternatives=alternatives,
            plots=plots,
        ),
        {"faq": lambda: question_payloads(questions), "image": lambda: photo_payloads(photos)},
    )
