"""How models of every kind answer a request for inference, however it was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deployments.ingress.deadlines import Deadline
from deployments.ingress.json_bodies import parse_fields
from deployments.ingress.large_bodies import aside
from deployments.ingress.models import Takes, Version
from deployments.ingress.oip.images import IMAGES
from deployments.ingress.oip.inference import MICROSECONDS, Descriptions, Inference, Kind, known_parameters
from deployments.ingress.oip.messages import InferenceRequest
from deployments.ingress.oip.outputs import Outputs, Wanted, read_wanted
from deployments.ingress.oip.questions import QUESTIONS
from deployments.ingress.oip.tensors import InputTensor
from deployments.ingress.scoring import Scored
from deployments.ingress.settings import IngressSettings

KINDS: dict[Takes, Kind] = {"text": QUESTIONS, "images": IMAGES}


@dataclass(frozen=True, slots=True)
class Answered:
    """A request for inference and what came of it.

    Attributes:
        wanted: the outputs that it wants.
        outputs: the tensors by name.
        scored: what is to be said of all its items.
    """

    wanted: Wanted
    outputs: Outputs
    scored: Scored


async def answer(
    message: InferenceRequest,
    read_tensors: Callable[[], list[InputTensor]],
    *,
    takes: Takes,
    version: Version,
    settings: IngressSettings,
    size: int,
    deadline: Deadline,
    descriptions: Descriptions,
) -> Answered:
    """Answer a request for inference that has been read.

    Args:
        message: the request.
        read_tensors: gives its inputs their data, once everything else is known to be right.
        takes: what the model takes.
        version: what answers.
        settings: the limits.
        size: bytes of its body.
        deadline: which the request may bring forward; who calls this waits for no longer.
        descriptions: what models say of themselves.

    Raises:
        ScoringError: the request is not valid, or has no result.
    """
    kind = KINDS[takes]
    parameters = parse_fields(known_parameters(message.parameters), kind.parameters, noun="parameter")
    wanted = read_wanted(message, kind.outputs, all_binary=parameters.binary_data_output)
    tensors = await aside(size, read_tensors)
    at = deadline.bring_forward(parameters.timeout / MICROSECONDS) if parameters.timeout else deadline.at
    inference = Inference(version, settings, size, at, tensors, parameters, wanted, descriptions)
    outputs, scored = await kind.infer(inference)
    return Answered(wanted, outputs, scored)
