"""How models of every kind answer a request for inference, however it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from deployments.errors import RequestTimeout
from deployments.ingress.json_bodies import parse_fields
from deployments.ingress.models import Takes, Version
from deployments.ingress.oip.images import IMAGES
from deployments.ingress.oip.inference import Descriptions, Inference, Kind, earlier, known_parameters
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
    deadline: float,
    descriptions: Descriptions,
) -> Answered:
    """Answer a request for inference that has been read.

    Args:
        message: the request.
        read_tensors: gives its inputs their data, once everything else is known to be right.
        takes: what the model takes.
        version: what answers.
        settings: the limits.
        deadline: on the event loop's clock, in seconds; the request may name an earlier one.
        descriptions: what models say of themselves.

    Raises:
        RequestTimeout: it was not answered before its deadline.
        ScoringError: the request is not valid, or has no result.
    """
    kind = KINDS[takes]
    parameters = parse_fields(known_parameters(message.parameters), kind.parameters, noun="parameter")
    wanted = read_wanted(message, kind.outputs, all_binary=parameters.binary_data_output)
    deadline = earlier(deadline, parameters)
    inference = Inference(version, settings, deadline, read_tensors(), parameters, wanted, descriptions)
    try:
        async with asyncio.timeout_at(deadline):
            outputs, scored = await kind.infer(inference)
    except TimeoutError:
        raise RequestTimeout("The request was not answered before its deadline.") from None
    return Answered(wanted, outputs, scored)
