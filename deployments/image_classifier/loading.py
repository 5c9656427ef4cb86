"""From settings to what runs: the weights are found, an engine is chosen and loaded."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from deployments.contracts import ImagePreset, Weights
from deployments.errors import StartupError
from deployments.image_classifier.batch_curve import LARGEST
from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import ConvertedModel, read
from deployments.image_classifier.engines.choice import NAMES, Choice, Converted, choose
from deployments.image_classifier.engines.engine import KINDS, Engine, Facts
from deployments.image_classifier.engines.machine import Machine, this_machine
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import ModelSource, find_source

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """An engine with what belongs to its network.

    Attributes:
        engine: runs the network.
        labels: one for each of its outputs.
        preset: how images are prepared.
        weights: whether they come from training.
        facts: for people.
    """

    engine: Engine
    labels: list[str]
    preset: ImagePreset
    weights: Weights
    facts: Facts


def load_model(settings: ImageClassifierSettings, *, allow_untrained: bool) -> LoadedModel:
    """Load the network that the settings name; see `ImageClassifier.load`."""
    if settings.model_dir is not None:
        return _load_converted(settings, Path(settings.model_dir), allow_untrained=allow_untrained)
    machine = this_machine()
    choice = choose(machine, engine=settings.engine, precision=settings.precision, device=settings.device)
    source = find_source(settings, allow_untrained=allow_untrained)
    engine, why = _engine_or_torch(settings, source, choice, machine)
    logger.info("The image model runs with %s", why)
    return LoadedModel(
        engine, list(source.labels), source.known.preset, source.weights, source.facts | {"engine_why": why}
    )


def _load_converted(settings: ImageClassifierSettings, directory: Path, *, allow_untrained: bool) -> LoadedModel:
    model = read(directory)
    about = model.about
    if about.weights == "untrained" and not allow_untrained:
        raise StartupError(f"The image model in {directory} is untrained: convert one with weights.")
    choice = choose(
        this_machine(),
        engine=settings.engine,
        precision=settings.precision,
        device=settings.device,
        converted=Converted(about.kind, about.precision),
    )
    logger.info("The image model runs with %s", choice.why)
    engine = _open(settings, model, choice)
    return LoadedModel(
        engine, list(about.labels), about.preset, about.weights, about.facts | {"engine_why": choice.why}
    )


def _engine_or_torch(
    settings: ImageClassifierSettings, source: ModelSource, choice: Choice, machine: Machine
) -> tuple[Engine, str]:
    """Load the engine; where auto chose one that cannot run the network, PyTorch in its place."""
    try:
        return _engine(settings, source, choice), choice.why
    except ConversionError as error:
        if settings.engine != "auto":
            raise StartupError(
                f"engine {choice.engine} cannot run the network: {error}; set engine to torch."
            ) from None
        instead = choose(machine, engine="torch", precision=settings.precision, device=settings.device)
        why = f"PyTorch in {instead.precision}, since {NAMES[choice.engine]} cannot run the network: {error}."
        return _engine(settings, source, instead), why


def _engine(settings: ImageClassifierSettings, source: ModelSource, choice: Choice) -> Engine:
    if choice.engine == "torch":
        return _torch_engine(settings, source, choice)
    with converted(source, KINDS[choice.engine], threads=settings.threads) as model:
        return _open(settings, model, choice)


def _open(settings: ImageClassifierSettings, model: ConvertedModel, choice: Choice) -> Engine:
    try:
        return open_converted(
            model,
            choice.precision,
            device=choice.device,
            threads=settings.threads,
            streams=_streams(settings, choice),
            max_batch=_max_batch(settings),
        )
    except RuntimeError:
        logger.exception("%s cannot load the network.", NAMES[choice.engine])
        raise StartupError(f"{NAMES[choice.engine]} cannot load the network; set engine to torch.") from None


def _max_batch(settings: ImageClassifierSettings) -> int:
    """Return the setting; where the engine is to be measured, room for what is measured."""
    return LARGEST if settings.max_batch == "auto" else settings.max_batch


def _streams(settings: ImageClassifierSettings, choice: Choice) -> int:
    if settings.streams == "auto":
        return 1
    if settings.streams > 1 and choice.engine != "openvino":
        raise StartupError(
            f"streams is {settings.streams}, and {NAMES[choice.engine]} runs one batch at a time; set streams to auto, "
            "or take OpenVINO."
        )
    return settings.streams


def _torch_engine(settings: ImageClassifierSettings, source: ModelSource, choice: Choice) -> Engine:
    _streams(settings, choice)
    from deployments.image_classifier.engines.torch_engine import TorchEngine  # noqa: PLC0415 - only where it is used
    from deployments.image_classifier.network import load_network  # noqa: PLC0415 - as above

    return TorchEngine(
        load_network(source),
        source.known.preset.crop,
        device=choice.device,
        precision=choice.precision,
        threads=settings.threads,
        max_batch=_max_batch(settings),
    )
