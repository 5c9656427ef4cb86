"""A network leaves its library: as OpenVINO's files or as ONNX."""

from __future__ import annotations

from pathlib import Path

from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import FILES, About, ConvertedModel, seal
from deployments.image_classifier.engines.engine import Kind, Library
from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.origins import Network, Source

CONVERTERS: dict[Kind, tuple[str, ...]] = {"openvino": ("openvino",), "onnx": ("onnx", "onnxscript")}
ORIGINS: dict[Library, tuple[str, ...]] = {"torch": ("torch",), "keras": ("keras", "tensorflow")}


def export(network: Network, source: Source, kind: Kind, directory: Path) -> ConvertedModel:
    """Convert a network for another library, batches of any size.

    Args:
        network: the network.
        source: what it is.
        kind: for which library.
        directory: an empty one for the files.

    Raises:
        ConversionError: the library cannot convert it.
        OSError: the files cannot be written.
    """
    try:
        network.write(kind, directory / FILES[kind][0])
    except (OSError, ConversionError):
        raise
    except Exception as error:
        raise ConversionError(f"{source.name} cannot be converted ({type(error).__name__})") from error
    return seal(directory, _about(source, kind))


def _about(source: Source, kind: Kind) -> About:
    packages = (*ORIGINS[source.library], *CONVERTERS[kind])
    versions = {package: found for package in packages if (found := installed(package)) is not None}
    return About(
        kind=kind,
        precision="fp32",
        weights=source.weights,
        preset=source.preset,
        labels=source.labels,
        facts=source.facts,
        versions=versions,
    )
