"""Examples of what score routes take and return, under the same name where they belong together."""

from __future__ import annotations

from deployments.json_schemas import Json

REQUESTS: Json = {
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
}

RESPONSES: Json = {
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
            "explanations": [{"terms": [["strike", 2.4], ["through", 1.9], ["do", -0.4]], "other": 0.2, "score": 4.1}],
        },
    },
}

DATA_REQUESTS: Json = {
    "data": {
        "summary": "Two questions",
        "value": {"data": ["How do I strike text through?", "What is the weather?"], "threshold": "trained"},
    },
    "input": {"summary": "As the reference application", "value": {"input": "How do I strike text through?"}},
}

DATA_RESPONSES: Json = {
    "data": {
        "summary": "Two questions, one without a match",
        "value": {"result": [[[7, 701, 0.82]], []], "matched": [True, False]},
    },
    "input": {
        "summary": "Matches of a question",
        "value": {"result": [[[7, 701, 0.82], [41, 4101, 0.05]], "Computed in 2.1 ms"], "matched": True},
    },
}

INFERENCE_REQUESTS: Json = {
    "questions": {
        "summary": "Two questions",
        "value": {
            "id": "42",
            "parameters": {"top_k": 1},
            "inputs": [
                {
                    "name": "question",
                    "shape": [2],
                    "datatype": "BYTES",
                    "data": ["How do I strike text through?", "What is the weather?"],
                }
            ],
        },
    },
}

INFERENCE_RESPONSES: Json = {
    "questions": {
        "summary": "The best match of two questions",
        "value": {
            "model_name": "faq",
            "model_version": "1",
            "id": "42",
            "outputs": [
                {"name": "ids", "datatype": "INT64", "shape": [2, 1], "data": [7, 41]},
                {"name": "answer_ids", "datatype": "INT64", "shape": [2, 1], "data": [701, 4101]},
                {"name": "probabilities", "datatype": "FP32", "shape": [2, 1], "data": [0.82, 0.05]},
                {"name": "matched", "datatype": "BOOL", "shape": [2], "data": [True, True]},
            ],
        },
    },
}
