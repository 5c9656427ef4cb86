"""JSON Schemas of what score routes return, with examples."""

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
        "The answer to one image or several.",
    ),
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

REQUEST_EXAMPLES: dict[Takes, Json] = {
    "text": {
        "one": {"summary": "A question", "value": {"input": "How do I strike text through?", "top_k": 2}},
        "several": {
            "summary": "Several questions",
            "value": {"input": ["How do I strike text through?", "What is the weather?"], "threshold": "trained"},
        },
        "everything": {
            "summary": "A question with all that can be told of its matches",
            "value": {
                "input": "How do I strike text through?",
                "top_k": 1,
                "threshold": 0.3,
                "answers": True,
                "explain": True,
            },
        },
    },
    "images": {
        "two": {
            "summary": "Two images",
            "value": {"input": {"lynx.jpg": "/9j/4AAQSkZJRg==", "owl.png": "iVBORw0KGgo="}, "top_k": 1},
        }
    },
}

RESPONSE_EXAMPLES: dict[Takes, Json] = {
    "text": {
        "one": {
            "summary": "Matches of a question",
            "value": {"result": [[[7, 701, 0.82], [41, 4101, 0.05]], "Computed in 2.1 ms"], "matched": True},
        },
        "several": {
            "summary": "Two questions, one without a match",
            "value": {"result": [[[[7, 701, 0.82]], []], "Computed in 3.4 ms"], "matched": [True, False]},
        },
        "everything": {
            "summary": "A match with its answer and why it is one",
            "value": {
                "result": [[[7, 701, 0.82]], "Computed in 2.6 ms"],
                "matched": True,
                "answers": ["Put it between <s> and </s>."],
                "explanations": [
                    {"terms": [["strike", 2.4], ["through", 1.9], ["do", -0.4]], "other": 0.2, "score": 4.1}
                ],
            },
        },
    },
    "images": {
        "two": {
            "summary": "The most probable class of two images",
            "value": {
                "result": [
                    {
                        "lynx.jpg": [["n02127052 lynx, catamount", 0.97]],
                        "owl.png": [["n01622779 great grey owl, great gray owl, Strix nebulosa", 0.99]],
                    },
                    "Computed in 84.0 ms",
                ]
            },
        }
    },
}

DATA_REQUEST_EXAMPLES: dict[Takes, Json] = {
    "text": {
        "data": {
            "summary": "Two questions",
            "value": {"data": ["How do I strike text through?", "What is the weather?"], "threshold": "trained"},
        },
        "input": {"summary": "As the reference application", "value": {"input": "How do I strike text through?"}},
    },
    "images": {
        "data": {"summary": "Two images", "value": {"data": ["/9j/4AAQSkZJRg==", "iVBORw0KGgo="], "top_k": 1}},
        "input": {
            "summary": "As the reference application",
            "value": {"input": {"lynx.jpg": "/9j/4AAQSkZJRg=="}, "top_k": 1},
        },
    },
}

DATA_RESPONSE_EXAMPLES: dict[Takes, Json] = {
    "text": {
        "data": {
            "summary": "Two questions, one without a match",
            "value": {"result": [[[7, 701, 0.82]], []], "matched": [True, False]},
        },
        "input": {
            "summary": "Matches of a question",
            "value": {"result": [[[7, 701, 0.82], [41, 4101, 0.05]], "Computed in 2.1 ms"], "matched": True},
        },
    },
    "images": {
        "data": {
            "summary": "The most probable class of two images",
            "value": {
                "result": [
                    [["n02127052 lynx, catamount", 0.97]],
                    [["n01622779 great grey owl, great gray owl, Strix nebulosa", 0.99]],
                ]
            },
        },
        "input": {
            "summary": "By name",
            "value": {"result": [{"lynx.jpg": [["n02127052 lynx, catamount", 0.97]]}, "Computed in 84.0 ms"]},
        },
    },
}
