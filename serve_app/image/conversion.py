"""Converting a network with a comparison: what `scoring image convert` does between its options and its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deployments.destinations import beside, check_new, put
from deployments.errors import StartupError
from serve_app.image.photos import MOST_PHOTOS, read_photos

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployments.contracts import ImagePreset
    from deployments.image_classifier.conversion.comparison import Comparison
    from deployments.image_classifier.conversion.model_files import ConvertedModel
    from deployments.image_classifier.engines.engine import EngineName, Precision
    from deployments.image_classifier.origins import Network, Source
    from deployments.image_classifier.settings import ImageClassifierSettings

# Compared where no photos are given.
NOISE = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for, the network itself aside; attributes as its options."""

    kind: Literal["openvino", "onnx"]
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"]
    output: Path
    calibration: Path | None
    photos: Path | None
    labels: Path | None
    accept: bool
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What the conversion changed.

    Attributes:
        origin: the engine of the network's own library, in fp32, which it is compared with.
        comparison: of the answers.
        precision: that the converted network was compared in.
        on_photos: whether on images of the user's, or on noise.
        latency_ms: of one image.
        origin_latency_ms: the same in the network's own library.
        size: bytes of the files.
        origin_size: bytes of the weights.
    """

    origin: EngineName
    comparison: Comparison
    precision: Precision
    on_photos: bool
    latency_ms: float
    origin_latency_ms: float
    size: int
    origin_size: int


def check(wanted: Wanted) -> None:
    """Refuse what cannot be done before anything is.

    Raises:
        StartupError: options do not go together, or the output is not free.
    """
    from deployments.image_classifier.conversion.model_files import is_model

    if wanted.precision == "int8" and wanted.calibration is None:
        raise StartupError("int8 is calibrated with images: name a directory of some hundred with --calibration.")
    if wanted.labels is not None and wanted.photos is None:
        raise StartupError("--labels are those of photos: name their directory with --photos.")
    check_new(wanted.output, is_model, "image model", overwrite=wanted.overwrite)


def convert_network(settings: ImageClassifierSettings, wanted: Wanted) -> Report:
    """Convert, compare, and keep the model.

    Raises:
        StartupError: the network or images cannot be had, or the model answers otherwise than before.
        ConversionError: the network cannot be converted.
        OSError: the files cannot be written.
    """
    from deployments.image_classifier.conversion.checking import check_same
    from deployments.image_classifier.conversion.exporting import export
    from deployments.image_classifier.source import find_source

    source = find_source(settings, allow_untrained=False)
    network = source.load()
    with beside(wanted.output) as staging, beside(wanted.output) as quantized:
        model = export(network, source, wanted.kind, staging)
        check_same(network, model)
        if wanted.precision == "int8":
            model = _quantize(model, wanted, quantized)
        report = _compare(network, source, model, wanted)
        _judge(report, wanted)
        put(model.directory, wanted.output, replace=wanted.overwrite)
    return report


def _quantize(model: ConvertedModel, wanted: Wanted, directory: Path) -> ConvertedModel:
    from deployments.image_classifier.conversion.quantization import MOST_IMAGES, quantize

    assert wanted.calibration is not None  # noqa: S101 - checked at the start
    images, _ = read_photos(wanted.calibration, model.about.preset, MOST_IMAGES, "--calibration")
    return quantize(model, images, directory)


def _compare(network: Network, source: Source, model: ConvertedModel, wanted: Wanted) -> Report:
    import numpy as np

    from deployments.image_classifier.conversion.comparison import compare, latency
    from deployments.image_classifier.engines.choice import Converted, choose
    from deployments.image_classifier.engines.engine import EngineOptions
    from deployments.image_classifier.engines.machine import this_machine
    from deployments.image_classifier.engines.opening import open_converted

    images, names = _compared(wanted, model.about.preset)
    classes = _classes(wanted, names, len(source.labels))
    about, side = model.about, model.about.preset.crop
    choice = choose(
        this_machine(), precision=wanted.precision, device="cpu", converted=Converted(about.kind, about.precision)
    )
    origin_size = network.size
    origin = network.engine(EngineOptions(max_batch=len(images)))
    engine = open_converted(model, choice.precision)
    comparison = compare(
        engine.infer(images), origin.infer(images), None if classes is None else np.array(classes, np.int64)
    )
    milliseconds = latency(engine, side), latency(origin, side)
    return Report(
        source.library, comparison, choice.precision, names is not None, *milliseconds, model.size, origin_size
    )


def _compared(wanted: Wanted, preset: ImagePreset) -> tuple[NDArray[np.uint8], list[str] | None]:
    """Return images to compare on, with their names; noise, without names, where there are none."""
    from deployments.image_classifier.engines.probe import probe

    if wanted.photos is not None:
        return read_photos(wanted.photos, preset, MOST_PHOTOS, "--photos")
    if wanted.calibration is not None:
        return read_photos(wanted.calibration, preset, MOST_PHOTOS, "--calibration")
    return probe(preset.crop, NOISE), None


def _classes(wanted: Wanted, names: list[str] | None, count: int) -> list[int] | None:
    from deployments.image_classifier.conversion.class_table import read_classes

    if wanted.labels is None or names is None:
        return None
    known = read_classes(wanted.labels, count)
    if not known.keys() & set(names):
        raise StartupError(
            f"{wanted.labels} names none of the photos in {wanted.photos}: correct --labels or --photos."
        )
    return [known.get(name, -1) for name in names]


def _judge(report: Report, wanted: Wanted) -> None:
    from deployments.image_classifier.conversion.comparison import TOLERANCES, objection
    from deployments.image_classifier.engines.choice import NAMES

    problem = objection(report.comparison, TOLERANCES[report.precision], judge_agreement=report.on_photos)
    if problem is not None and not wanted.accept:
        raise StartupError(
            f"The converted model answers otherwise than {NAMES[report.origin]}: {problem}; it is not kept, take it "
            "with --accept."
        )
