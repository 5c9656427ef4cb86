"""JSON Schemas of what score routes return."""

from __future__ import annotations

from typing import Any

from deployments.ingress.models import Takes

Json = dict[str, Any]


def _array(items: Json, description: str = "") -> Json:
    return {"type": "array", "items": items, **({"description": description} if description else {})}


def _row(*parts: Json, description: str) -> Json:
    return {
        "type": "array",
        "prefixItems": [*parts],
        "minItems": len(parts),
        "maxItems": len(parts),
        "description": description,
    }


def _component(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_UNTRAINED: Json = {
    "type": "string",
    "const": "untrained",
    "description": "There only if a model was not trained.",
}


def _response(result: Json, description: str, **beside: Json) -> Json:
    computed = {"type": "string", "examples": ["Computed in 2.1 ms"]}
    properties = {
        "result": _row(result, computed, description="The result, and how long it took."),
        **beside,
        "weights": _UNTRAINED,
    }
    required = ["result", *(["matched"] if "matched" in beside else [])]
    return {"type": "object", "required": required, "properties": properties, "description": description}


_ID: Json = {"type": ["integer", "string"]}
_PROBABILITY: Json = {"type": "number", "minimum": 0, "maximum": 1}
_MATCHES = _array(_component("Match"), "Best first; empty if every match is below the threshold.")
_MATCHED: Json = {
    "type": "boolean",
    "description": "Whether the FAQ has a match; false if the best one's probability is below the threshold.",
}
_ANSWERS = _array({"type": ["string", "null"]}, "The matches' answers, in their order; null for one without a text.")
_EXPLANATIONS = _array(_component("Explanation"), "Of each match, in their order.")
_CLASSES = _array(_row({"type": "string"}, _PROBABILITY, description="Label, probability."), "Most probable first.")

COMPONENTS: Json = {
    "Match": _row(_ID, _ID, _PROBABILITY, description="Original id, answer id, probability."),
    "Explanation": {
        "type": "object",
        "required": ["terms", "other", "score"],
        "properties": {
            "terms": _array(
                _row({"type": "string"}, {"type": "number"}, description="A term and what it added to the score."),
                "Terms of the question, those that changed the score most first.",
            ),
            "other": {"type": "number", "description": "What is not told term by term; adds up with terms to score."},
            "score": {"type": "number", "description": "What the match's probability was made from."},
        },
    },
    "QuestionResponse": _response(
        _MATCHES,
        "The answer to one text; answers and explanations are there if asked for.",
        matched=_MATCHED,
        answers=_ANSWERS,
        explanations=_EXPLANATIONS,
    ),
    "QuestionsResponse": _response(
        _array(_MATCHES, "For each text, in their order."),
        "The answer to a list of texts: in each place a list with what one text would get, in the order of the texts.",
        matched=_array(_MATCHED),
        answers=_array(_ANSWERS),
        explanations=_array(_EXPLANATIONS),
    ),
    "ImagesResponse": _response(
        {
            "type": "object",
            "additionalProperties": _CLASSES,
            "description": "By image name.",
        },
        "The answer to one image or several; explanations are there if asked for.",
        explanations={
            "type": "object",
            "additionalProperties": _component("ImageExplanation"),
            "description": "By image name.",
        },
    ),
    "ImageExplanation": {
        "type": "object",
        "description": "Where in the image, resized and cut as the network gets it, it saw a class.",
        "required": ["class_index", "label", "probability", "method", "grid", "heat_map_png"],
        "properties": {
            "class_index": {"type": "integer", "minimum": 0},
            "label": {"type": "string"},
            "probability": _PROBABILITY,
            "method": {"enum": ["grad-cam", "occlusion"]},
            "grid": _array(
                _array(_PROBABILITY),
                "Rows from top to bottom; cells of the same size over the whole picture. 1 is the largest of them; all "
                "are 0 where nothing speaks for the class. occlusion: how far the class's probability falls when the "
                "cell and half a cell around it are covered. grad-cam: how strongly the last feature map speaks for "
                "the class there.",
            ),
            "largest_drop": {
                **_PROBABILITY,
                "description": "Of occlusion: how far the probability falls at the cell of 1.",
            },
            "heat_map_png": {
                "type": "string",
                "contentEncoding": "base64",
                "contentMediaType": "image/png",
                "description": "The picture with the grid over it, from blue (0) to red (1).",
            },
        },
    },
    # Answers to Azure Machine Learning's `{"data": [...]}`: a place for each of them, and nothing else in the result.
    "QuestionDataResponse": {
        "type": "object",
        "required": ["result", "matched"],
        "properties": {
            "result": _array(_MATCHES, "For each question, in their order."),
            "matched": _array(_MATCHED),
            "answers": _array(_ANSWERS),
            "explanations": _array(_EXPLANATIONS),
        },
    },
    "ImageDataResponse": {
        "type": "object",
        "required": ["result"],
        "properties": {
            "result": _array(_CLASSES, "For each image, in their order."),
            "explanations": _array(_component("ImageExplanation"), "For each image, if asked for."),
            "weights": _UNTRAINED,
        },
    },
}

DATA_RESPONSES: dict[Takes, list[Json]] = {
    "text": [_component("QuestionDataResponse")],
    "images": [_component("ImageDataResponse")],
}

RESPONSES: dict[Takes, Json] = {
    "text": {"anyOf": [_component("QuestionResponse"), _component("QuestionsResponse")]},
    "images": _component("ImagesResponse"),
}
