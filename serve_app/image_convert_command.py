"""`scoring image convert`: a network for OpenVINO or ONNX Runtime, and what the conversion changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from deployments.errors import StartupError
from serve_app.image_photos import MOST_PHOTOS, read_photos

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployments.contracts import ImagePreset
    from deployments.image_classifier.conversion.comparison import Comparison
    from deployments.image_classifier.conversion.model_files import ConvertedModel
    from deployments.image_classifier.engines.engine import Precision
    from deployments.image_classifier.network import Classification
    from deployments.image_classifier.settings import ImageClassifierSettings
    from deployments.image_classifier.source import ModelSource

MEGABYTE = 1e6

# Compared where no photos are given.
NOISE = 8


@dataclass(frozen=True, slots=True)
class _Wanted:
    kind: Literal["openvino", "onnx"]
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"]
    output: Path
    calibration: Path | None
    photos: Path | None
    labels: Path | None
    accept: bool
    overwrite: bool


@dataclass(frozen=True, slots=True)
class _Report:
    comparison: Comparison
    precision: Precision
    on_photos: bool
    latency_ms: float
    eager_latency_ms: float
    size: int
    eager_size: int


def convert(
    *,
    output: Annotated[Path, typer.Option(help="Directory for the converted model; new or empty.")],
    architecture: Annotated[str, typer.Option(help="A classification model of torchvision.")] = "resnet152",
    weights: Annotated[str, typer.Option(help="Name in the architecture's weights.")] = "IMAGENET1K_V2",
    weights_uri: Annotated[
        str | None, typer.Option(help="State dict in place of torchvision's: a path or URI.")
    ] = None,
    labels_uri: Annotated[str | None, typer.Option(help="The model's own class names, one a line.")] = None,
    to: Annotated[Literal["openvino", "onnx"], typer.Option(help="For which engine.")] = "openvino",
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16", "int8"],
        typer.Option(help="int8 quantizes the files; others are what the comparison computes in."),
    ] = "auto",
    calibration: Annotated[
        Path | None, typer.Option(help="Directory of images that int8 is calibrated with; 300 are enough.")
    ] = None,
    photos: Annotated[Path | None, typer.Option(help="Directory of images to compare the answers on.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV of the photos' classes: file, class_index; gives the accuracy.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Keep a model that answers otherwise than before.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in the directory.")] = False,
) -> None:
    """Convert a network, and report what that changed: size, latency, answers."""
    from deployments.image_classifier.conversion.errors import ConversionError
    from deployments.image_classifier.settings import ImageClassifierSettings

    wanted = _Wanted(to, precision, output, calibration, photos, labels, accept, overwrite)
    settings = ImageClassifierSettings(
        architecture=architecture, weights=weights, weights_uri=weights_uri, labels_uri=labels_uri
    )
    try:
        _check(wanted)
        report = _convert(settings, wanted)
    except StartupError as error:
        _fail(str(error))
    except ConversionError as error:
        _fail(f"{architecture} is not converted: {error}.")
    except ImportError as error:
        _fail(f"{error.name} is not installed: install it with `pip install 'ray-scoring[torch,{_extra(to)}]'`.")
    except OSError as error:
        _fail(f"{output} cannot be written: {error.strerror or error}.")
    _show(report, wanted)


def _extra(kind: str) -> str:
    return "openvino" if kind == "openvino" else "onnxruntime"


def _check(wanted: _Wanted) -> None:
    from deployments.image_classifier.conversion.model_files import is_model

    if wanted.precision == "int8" and wanted.calibration is None:
        raise StartupError("int8 is calibrated with images: name a directory of some hundred with --calibration.")
    if wanted.labels is not None and wanted.photos is None:
        raise StartupError("--labels are those of photos: name their directory with --photos.")
    output = wanted.output
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        if not is_model(output):
            raise StartupError(f"{output} holds files that are no image model: choose another --output.")
        if not wanted.overwrite:
            raise StartupError(f"{output} holds a model: choose another --output, or replace it with --overwrite.")


def _convert(settings: ImageClassifierSettings, wanted: _Wanted) -> _Report:
    from deployments.image_classifier.conversion.checking import check_same
    from deployments.image_classifier.conversion.exporting import export
    from deployments.image_classifier.conversion.model_files import put
    from deployments.image_classifier.network import load_network
    from deployments.image_classifier.source import find_source

    source = find_source(settings, allow_untrained=False)
    graph = load_network(source)
    with _staging(wanted.output) as staging, _staging(wanted.output) as quantized:
        model = export(graph, source, wanted.kind, staging)
        check_same(graph, model)
        if wanted.precision == "int8":
            model = _quantize(model, wanted, quantized)
        report = _compare(graph, source, model, wanted)
        _judge(report, wanted)
        put(model, wanted.output.absolute())
    return report


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    from deployments.image_classifier.conversion.model_files import staging_for

    directory = staging_for(output.absolute())
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _quantize(model: ConvertedModel, wanted: _Wanted, directory: Path) -> ConvertedModel:
    from deployments.image_classifier.conversion.quantization import MOST_IMAGES, quantize

    assert wanted.calibration is not None  # noqa: S101 - checked at the start
    images, _ = read_photos(wanted.calibration, model.about.preset, MOST_IMAGES, "--calibration")
    return quantize(model, images, directory)


def _compare(graph: Classification, source: ModelSource, model: ConvertedModel, wanted: _Wanted) -> _Report:
    import numpy as np

    from deployments.image_classifier.conversion.comparison import compare, latency
    from deployments.image_classifier.engines.choice import Converted, choose
    from deployments.image_classifier.engines.machine import this_machine
    from deployments.image_classifier.engines.opening import open_converted
    from deployments.image_classifier.engines.torch_engine import TorchEngine

    images, names = _compared(wanted, model.about.preset)
    classes = _classes(wanted, names, len(source.labels))
    about, side = model.about, model.about.preset.crop
    choice = choose(
        this_machine(), precision=wanted.precision, device="cpu", converted=Converted(about.kind, about.precision)
    )
    eager = TorchEngine(graph, side)
    engine = open_converted(model, choice.precision)
    comparison = compare(
        engine.infer(images), eager.infer(images), None if classes is None else np.array(classes, np.int64)
    )
    eager_size = sum(tensor.numel() * tensor.element_size() for tensor in graph.state_dict().values())
    milliseconds = latency(engine, side), latency(eager, side)
    return _Report(comparison, choice.precision, names is not None, *milliseconds, model.size, eager_size)


def _compared(wanted: _Wanted, preset: ImagePreset) -> tuple[NDArray[np.uint8], list[str] | None]:
    """Return images to compare on, with their names; noise, without names, where there are none."""
    from deployments.image_classifier.engines.probe import probe

    if wanted.photos is not None:
        return read_photos(wanted.photos, preset, MOST_PHOTOS, "--photos")
    if wanted.calibration is not None:
        return read_photos(wanted.calibration, preset, MOST_PHOTOS, "--calibration")
    return probe(preset.crop, NOISE), None


def _classes(wanted: _Wanted, names: list[str] | None, count: int) -> list[int] | None:
    from deployments.image_classifier.conversion.class_table import read_classes

    if wanted.labels is None or names is None:
        return None
    known = read_classes(wanted.labels, count)
    if not known.keys() & set(names):
        raise StartupError(
            f"{wanted.labels} names none of the photos in {wanted.photos}: correct --labels or --photos."
        )
    return [known.get(name, -1) for name in names]


def _judge(report: _Report, wanted: _Wanted) -> None:
    from deployments.image_classifier.conversion.comparison import TOLERANCES, objection

    problem = objection(report.comparison, TOLERANCES[report.precision], judge_agreement=report.on_photos)
    if problem is not None and not wanted.accept:
        raise StartupError(
            f"The converted model answers otherwise than PyTorch: {problem}; it is not kept, take it with --accept."
        )


def _show(report: _Report, wanted: _Wanted) -> None:
    found = report.comparison
    accuracy = found.accuracy or (None, None)
    table = Table("", "PyTorch fp32", f"{wanted.kind} {report.precision}")
    table.add_row("Size", f"{report.eager_size / MEGABYTE:,.1f} MB", f"{report.size / MEGABYTE:,.1f} MB")
    table.add_row("One image", f"{report.eager_latency_ms:.1f} ms", f"{report.latency_ms:.1f} ms")
    table.add_row("Same class", "", f"{found.agreement:.1%}")
    table.add_row("Largest difference", "", f"{found.difference:.3g}")
    if accuracy[0] is not None:
        table.add_row("Accuracy", f"{accuracy[1]:.1%}", f"{accuracy[0]:.1%}")
    Console(highlight=False).print(table)
    kind = "photos" if wanted.photos else "calibration images" if report.on_photos else "images of noise"
    typer.echo(f"Compared on {found.images} {kind}; the CPU only.")
    typer.echo(f"Saved in {wanted.output}. To serve it, put these lines under `args:` of the config file:\n")
    typer.echo(_config_lines(wanted.output.absolute()))


def _config_lines(directory: Path) -> str:
    # A JSON string is one of YAML too, whatever characters the path holds.
    path = json.dumps(str(directory), ensure_ascii=False)
    model = f"      - model:\n          model_dir: {path}"
    return f"models:\n  - kind: image_classifier\n    name: image\n    versions:\n{model}"


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)
