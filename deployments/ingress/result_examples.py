"""Examples of what score routes take and return, under the same name where they belong together."""

from __future__ import annotations

from typing import Any

from deployments.ingress.models import Takes

Json = dict[str, Any]

# A PNG of one pixel, so that what the page shows can be sent as it stands.
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGO4saEBAARsAgnHAg0TAAAAAElFTkSuQmCC"

_EXPLANATION: Json = {
    "class_index": 287,
    "label": "n02127052 lynx, catamount",
    "probability": 0.97,
    "method": "occlusion",
    "grid": [[0.02, 0.04, 0.01], [0.03, 1.0, 0.31], [0.0, 0.12, 0.0]],
    "largest_drop": 0.45,
    "heat_map_png": IMAGE,
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
            "value": {"input": {"lynx.png": IMAGE, "owl.png": IMAGE}, "top_k": 1},
        },
        "explained": {
            "summary": "An image, and where the network sees class 287 in it; true: the most probable class",
            "value": {"input": {"lynx.png": IMAGE}, "top_k": 1, "explain": {"class": 287}},
        },
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
                        "lynx.png": [["n02127052 lynx, catamount", 0.97]],
                        "owl.png": [["n01622779 great grey owl, great gray owl, Strix nebulosa", 0.99]],
                    },
                    "Computed in 84.0 ms",
                ]
            },
        },
        "explained": {
            "summary": "A class, and where it was seen",
            "value": {
                "result": [{"lynx.png": [["n02127052 lynx, catamount", 0.97]]}, "Computed in 320.0 ms"],
                "explanations": {"lynx.png": _EXPLANATION},
            },
        },
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
        "data": {"summary": "Two images", "value": {"data": [IMAGE, IMAGE], "top_k": 1}},
        "explained": {
            "summary": "An image, and where the network sees its most probable class",
            "value": {"data": [IMAGE], "top_k": 1, "explain": True},
        },
        "input": {
            "summary": "As the reference application",
            "value": {"input": {"lynx.png": IMAGE}, "top_k": 1},
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
        "explained": {
            "summary": "A class, and where it was seen",
            "value": {"result": [[["n02127052 lynx, catamount", 0.97]]], "explanations": [_EXPLANATION]},
        },
        "input": {
            "summary": "By name",
            "value": {"result": [{"lynx.png": [["n02127052 lynx, catamount", 0.97]]}, "Computed in 84.0 ms"]},
        },
    },
}
