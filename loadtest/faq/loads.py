"""What the load generator sends to an FAQ: questions, by each protocol."""

from __future__ import annotations

import json
from collections.abc import Callable

from loadtest.generator.bodies import inference_request, json_request
from loadtest.generator.load_kinds import Addressed, KindLoads
from loadtest.generator.plan import Request
from loadtest.payloads import TOP_K, question_payloads

_Build = Callable[[Addressed], list[Request]]


def _texts(addressed: Addressed) -> list[str]:
    return [json.loads(payload.content)["input"] for payload in question_payloads(addressed.data)]


def _questions(path: str, **more: object) -> _Build:
    return lambda addressed: [
        json_request(path.format(model=addressed.model, version=addressed.version), {"input": text, **more})
        for text in _texts(addressed)
    ]


def _azure(addressed: Addressed) -> list[Request]:
    path = f"/api/v1/service/{addressed.model}/score"
    return [json_request(path, {"data": [text], "top_k": TOP_K}) for text in _texts(addressed)]


def _inference(addressed: Addressed) -> list[Request]:
    path = f"/v2/models/{addressed.model}/infer"
    return [inference_request(path, "question", text) for text in _texts(addressed)]


def _metadata(addressed: Addressed) -> list[Request]:
    return [Request(method="GET", path=f"/v2/models/{addressed.model}")]


LOADS = KindLoads(
    {
        "faq": ("a question to /{model}/score", _questions("/{model}/score", top_k=TOP_K)),
        "faq-explain": ("the same, explained", _questions("/{model}/score", top_k=TOP_K, explain=True)),
        "faq-version": (
            "the same, to a version of the model",
            _questions("/{model}/versions/{version}/score", top_k=TOP_K),
        ),
        "bare-faq": ("a question to /score", _questions("/score", top_k=TOP_K)),
        "azureml-faq": ("a question to Azure Machine Learning's route", _azure),
        "oip-faq": ("a question by the Open Inference Protocol", _inference),
        "metadata": ("GET /v2/models/{model} of the FAQ", _metadata),
    },
    soak=("faq=10", "faq-explain=1", "azureml-faq=2", "oip-faq=2", "bare-faq=1", "live=1"),
)
