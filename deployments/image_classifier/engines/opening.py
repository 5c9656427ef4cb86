"""An engine for the files of a converted model."""

from __future__ import annotations

from deployments.image_classifier.conversion.model_files import ConvertedModel
from deployments.image_classifier.engines.engine import Device, Engine, Precision


def open_converted(
    model: ConvertedModel,
    precision: Precision,
    *,
    device: Device = "cpu",
    threads: int | None = None,
    streams: int = 1,
    max_batch: int = 32,
) -> Engine:
    """Load a converted model in the engine that runs its kind of files.

    Args:
        model: the files.
        precision: of the arithmetic.
        device: where it runs.
        threads: of the CPU; None for as many as this process may run on.
        streams: callers at the same time, where the engine takes several.
        max_batch: images that go through the network at once.

    Raises:
        RuntimeError: the library cannot run the network.
    """
    file, side = model.network, model.about.preset.crop
    # Each where it is used: the other libraries need not be installed.
    if model.about.kind == "openvino":
        from deployments.image_classifier.engines.openvino_engine import OpenvinoEngine  # noqa: PLC0415

        return OpenvinoEngine(file, side, precision=precision, threads=threads, streams=streams, max_batch=max_batch)
    from deployments.image_classifier.engines.onnxruntime_engine import OnnxruntimeEngine  # noqa: PLC0415

    return OnnxruntimeEngine(file, side, precision=precision, device=device, threads=threads, max_batch=max_batch)
