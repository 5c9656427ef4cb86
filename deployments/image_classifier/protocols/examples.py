"""Examples of what score routes take and return, under the same name where they belong together."""

from __future__ import annotations

from deployments.json_schemas import Json

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

REQUESTS: Json = {
    "two": {
        "summary": "Two images",
        "value": {"input": {"lynx.png": IMAGE, "owl.png": IMAGE}, "top_k": 1},
    },
    "explained": {
        "summary": "An image, and where the network sees class 287 in it; true: the most probable class",
        "value": {"input": {"lynx.png": IMAGE}, "top_k": 1, "explain": {"class": 287}},
    },
}

RESPONSES: Json = {
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
}

DATA_REQUESTS: Json = {
    "data": {"summary": "Two images", "value": {"data": [IMAGE, IMAGE], "top_k": 1}},
    "explained": {
        "summary": "An image, and where the network sees its most probable class",
        "value": {"data": [IMAGE], "top_k": 1, "explain": True},
    },
    "input": {
        "summary": "As the reference application",
        "value": {"input": {"lynx.png": IMAGE}, "top_k": 1},
    },
}

DATA_RESPONSES: Json = {
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
}

INFERENCE_REQUESTS: Json = {
    "image": {
        "summary": "An image file as base64, and one output",
        "value": {
            "inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [IMAGE]}],
            "outputs": [{"name": "labels"}],
        },
    },
}

INFERENCE_RESPONSES: Json = {
    "image": {
        "summary": "The labels of an image",
        "value": {
            "model_name": "image",
            "model_version": "1",
            "outputs": [
                {
                    "name": "labels",
                    "datatype": "BYTES",
                    "shape": [1, 3],
                    "data": [
                        "n02127052 lynx, catamount",
                        "n02124075 Egyptian cat",
                        "n02123045 tabby, tabby cat",
                    ],
                }
            ],
        },
    },
}
