"""`scoring image convert`: a network for OpenVINO or ONNX Runtime, and what the conversion changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from deployments.errors import StartupError
from serve_app.image.conversion import Report, Wanted
from serve_app.refusals import refusals

if TYPE_CHECKING:
    from deployments.image_classifier.settings import ImageClassifierSettings

Given = dict[str, Any]


def convert(
    *,
    output: Annotated[Path, typer.Option(help="Directory for the converted model; new or empty.")],
    architecture: Annotated[
        str | None, typer.Option(help="A classification model of torchvision; resnet152 if none is named.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Name in the architecture's weights; IMAGENET1K_V2 if none is named.")
    ] = None,
    weights_uri: Annotated[
        str | None, typer.Option(help="Weights in place of torchvision's or Keras's: a path or URI.")
    ] = None,
    labels_uri: Annotated[str | None, typer.Option(help="The model's own class names, one a line.")] = None,
    keras: Annotated[
        str | None,
        typer.Option(help="A .keras file, a SavedModel directory, or a network of keras.applications by name."),
    ] = None,
    normalization: Annotated[
        Literal["caffe", "tf", "torch", "unit", "none"] | None,
        typer.Option(help="How a network of Keras wants its pixels; as in the settings."),
    ] = None,
    outputs: Annotated[
        Literal["probabilities", "logits"] | None, typer.Option(help="What a network of Keras gives.")
    ] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the images that a network of Keras takes.")] = None,
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
    """Convert a network of torchvision or Keras, and report what that changed: size, latency, answers."""
    from serve_app.image.conversion_report import show

    wanted = Wanted(to, precision, output, calibration, photos, labels, accept, overwrite)
    of_torchvision = {"architecture": architecture, "weights": weights}
    of_keras = {"normalization": normalization, "outputs": outputs, "crop": crop}
    with refusals(output, extra="openvino" if to == "openvino" else "onnxruntime"):
        if keras is None:
            _check_unused(of_keras, "Keras")
            network = _given(of_torchvision | {"weights_uri": weights_uri})
        else:
            _check_unused(of_torchvision, "torchvision")
            network = {"keras": _keras(keras, weights_uri) | _given(of_keras)}
        report = _converted(network | _given({"labels_uri": labels_uri}), wanted)
    show(report, wanted)


def _check_unused(options: Given, library: str) -> None:
    for name in _given(options):
        raise StartupError(f"--{name} is for networks of {library}: take it out.")


def _keras(network: str, weights: str | None) -> Given:
    """Return the settings of what `--keras` names."""
    is_file = "/" in network or network.endswith(".keras") or Path(network).exists()
    if is_file and weights is not None:
        raise StartupError("--weights-uri is for networks by name: a file of Keras has its own, so take it out.")
    return {"uri": network} if is_file else _given({"application": network, "uri": weights})


def _given(options: Given) -> Given:
    return {name: value for name, value in options.items() if value is not None}


def _converted(given: Given, wanted: Wanted) -> Report:
    from deployments.image_classifier.conversion.errors import ConversionError
    from serve_app.image.conversion import check, convert_network

    settings = _settings(given)
    check(wanted)
    try:
        return convert_network(settings, wanted)
    except ConversionError as error:
        raise StartupError(f"The network is not converted: {error}.") from error


def _settings(given: Given) -> ImageClassifierSettings:
    from pydantic import ValidationError

    from deployments.image_classifier.settings import ImageClassifierSettings
    from deployments.setting_errors import explain

    try:
        return ImageClassifierSettings.model_validate(given)
    except ValidationError as error:
        found = explain(error, ImageClassifierSettings)
        raise StartupError("; ".join(f"{key}: {message}" for key, message in found.items())) from error
