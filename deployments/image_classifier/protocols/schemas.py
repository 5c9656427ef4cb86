"""JSON Schemas of the classes of images."""

from __future__ import annotations

from deployments.json_schemas import PROBABILITY, UNTRAINED, Json, array, ref, reference_response, row

_CLASSES = array(row({"type": "string"}, PROBABILITY, description="Label, probability."), "Most probable first.")

COMPONENTS: Json = {
    "ImagesResponse": reference_response(
        {
            "type": "object",
            "additionalProperties": _CLASSES,
            "description": "By image name.",
        },
        "The answer to one image or several; explanations are there if asked for.",
        explanations={
            "type": "object",
            "additionalProperties": ref("ImageExplanation"),
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
            "probability": PROBABILITY,
            "method": {"enum": ["grad-cam", "occlusion"]},
            "grid": array(
                array(PROBABILITY),
                "Rows from top to bottom; cells of the same size over the whole picture. 1 is the largest of them; all "
                "are 0 where nothing speaks for the class. occlusion: how far the class's probability falls when the "
                "cell and half a cell around it are covered. grad-cam: how strongly the last feature map speaks for "
                "the class there.",
            ),
            "largest_drop": {
                **PROBABILITY,
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
    # The answer to Azure Machine Learning's `data`: a place for each of them, and nothing else in the result.
    "ImageDataResponse": {
        "type": "object",
        "required": ["result"],
        "properties": {
            "result": array(_CLASSES, "For each image, in their order."),
            "explanations": array(ref("ImageExplanation"), "For each image, if asked for."),
            "weights": UNTRAINED,
        },
    },
}

RESPONSE = ref("ImagesResponse")
DATA_RESPONSE = ref("ImageDataResponse")
