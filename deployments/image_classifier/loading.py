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
from deployments.image_classifier.engines.choice import NAMES, AskedEngine, Choice, Converted, choose
from deployments.image_classifier.engines.devices import usable_cpus
from deployments.image_classifier.engines.engine import KINDS, Engine, EngineOptions, Facts
from deployments.image_classifier.engines.machine import Machine, this_machine
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.origins import Source
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source

logger = logging.getLogger("ray.serve")

# Where auto may choose: threads of one batch wait for each other after every layer, also for one that another process
# has kept from its core; two batches side by side do not. With a web server on the same two cores that is a tenth of
# the throughput, for the memory of a second network, which keeps a lone image as fast as before.
STREAMS = 2


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
    machine = this_machine(settings.library)
    choice = _chosen(settings, machine, settings.engine)
    source = find_source(settings, allow_untrained=allow_untrained)
    engine, why = _engine_or_own(settings, source, choice, machine)
    logger.info("The image model runs with %s", why)
    return LoadedModel(engine, list(source.labels), source.preset, source.weights, source.facts | {"engine_why": why})


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
    engine = _open(settings, model, choice, "convert it again with `scoring image convert`")
    return LoadedModel(
        engine, list(about.labels), about.preset, about.weights, about.facts | {"engine_why": choice.why}
    )


def _engine_or_own(
    settings: ImageClassifierSettings, source: Source, choice: Choice, machine: Machine
) -> tuple[Engine, str]:
    """Load the engine; where auto chose one that cannot run the network, that of the network's own library."""
    try:
        return _engine(settings, source, choice), choice.why
    except ConversionError as error:
        if settings.engine != "auto":
            raise StartupError(
                f"engine {choice.engine} cannot run the network: {error}; set engine to {source.library}."
            ) from None
        instead = _chosen(settings, machine, source.library)
        name = NAMES[instead.engine]
        why = f"{name} in {instead.precision}, since {NAMES[choice.engine]} cannot run the network: {error}."
        return _engine(settings, source, instead), why


def _chosen(settings: ImageClassifierSettings, machine: Machine, engine: AskedEngine) -> Choice:
    return choose(
        machine, engine=engine, precision=settings.precision, device=settings.device, library=settings.library
    )


def _engine(settings: ImageClassifierSettings, source: Source, choice: Choice) -> Engine:
    if choice.engine == source.library:
        _streams(settings, choice)
        return source.load().engine(
            EngineOptions(
                device=choice.device,
                precision=choice.precision,
                threads=settings.threads,
                max_batch=_max_batch(settings),
                compile=settings.compile,
                gpu_memory=settings.gpu_share,
            )
        )
    with converted(source, KINDS[choice.engine], threads=settings.threads) as model:
        return _open(settings, model, choice, f"set engine to {source.library}")


def _open(settings: ImageClassifierSettings, model: ConvertedModel, choice: Choice, advice: str) -> Engine:
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
        raise StartupError(f"{NAMES[choice.engine]} cannot load the network; {advice}.") from None


def _max_batch(settings: ImageClassifierSettings) -> int:
    """Return the setting; where the engine is to be measured, room for what is measured."""
    return LARGEST if settings.max_batch == "auto" else settings.max_batch


def _streams(settings: ImageClassifierSettings, choice: Choice) -> int:
    if settings.streams == "auto":
        threads = usable_cpus(settings.threads)
        return STREAMS if choice.engine == "openvino" and threads >= STREAMS else 1
    if settings.streams > 1 and choice.engine != "openvino":
        raise StartupError(
            f"streams is {settings.streams}, and {NAMES[choice.engine]} runs one batch at a time; set streams to auto, "
            "or take OpenVINO."
        )
    return settings.streams
