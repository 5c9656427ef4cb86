"""`scoring image convert`: a network for OpenVINO or ONNX Runtime, and what the conversion changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from deployments.errors import StartupError
from serve_app.image.conversion import Wanted

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
    wanted = Wanted(to, precision, output, calibration, photos, labels, accept, overwrite)
    of_keras = {"normalization": normalization, "outputs": outputs, "crop": crop}
    if keras is None:
        network: Given = {"architecture": architecture, "weights": weights, "weights_uri": weights_uri}
        unused = _given(of_keras)
    else:
        network = {"keras": _keras(keras, weights_uri) | _given(of_keras)}
        unused = _given({"architecture": architecture, "weights": weights})
    if unused:
        _fail(f"--{next(iter(unused))} is for networks of {'Keras' if keras is None else 'torchvision'}: take it out.")
    _run(_given(network | {"labels_uri": labels_uri}), wanted)


def _keras(network: str, weights: str | None) -> Given:
    """Return the settings of what `--keras` names."""
    is_file = "/" in network or network.endswith(".keras") or Path(network).exists()
    if is_file and weights is not None:
        _fail("--weights-uri is for networks by name: a file of Keras has its own, so take it out.")
    return {"uri": network} if is_file else _given({"application": network, "uri": weights})


def _given(options: Given) -> Given:
    return {name: value for name, value in options.items() if value is not None}


def _run(given: Given, wanted: Wanted) -> None:
    from pydantic import ValidationError

    from deployments.image_classifier.conversion.errors import ConversionError
    from deployments.image_classifier.settings import ImageClassifierSettings
    from serve_app.image.conversion import check, convert_network
    from serve_app.image.conversion_report import show

    try:
        settings = ImageClassifierSettings.model_validate(given)
        check(wanted)
        report = convert_network(settings, wanted)
    except ValidationError as error:
        _fail(_sentence(error))
    except StartupError as error:
        _fail(str(error))
    except ConversionError as error:
        _fail(f"The network is not converted: {error}.")
    except ImportError as error:
        extra = "openvino" if wanted.kind == "openvino" else "onnxruntime"
        _fail(f"{error.name} is not installed: install it with `pip install 'ray-scoring[{extra}]'`.")
    except OSError as error:
        _fail(f"{wanted.output} cannot be written: {error.strerror or error}.")
    show(report, wanted)


def _sentence(error: Any) -> str:
    from deployments.image_classifier.settings import ImageClassifierSettings
    from serve_app.setting_errors import explain

    return "; ".join(f"{key}: {message}" for key, message in explain(error, ImageClassifierSettings).items())


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)
