"""JSON Schemas of answers to questions."""

from __future__ import annotations

from deployments.json_schemas import PROBABILITY, Json, array, ref, reference_response, row

_ID: Json = {"type": ["integer", "string"]}
_MATCHES = array(ref("Match"), "Best first; empty if every match is below the threshold.")
_MATCHED: Json = {
    "type": "boolean",
    "description": "Whether the FAQ has a match; false if the best one's probability is below the threshold.",
}
_ANSWERS = array({"type": ["string", "null"]}, "The matches' answers, in their order; null for one without a text.")
_EXPLANATIONS = array(ref("Explanation"), "Of each match, in their order.")

COMPONENTS: Json = {
    "Match": row(_ID, _ID, PROBABILITY, description="Original id, answer id, probability."),
    "Explanation": {
        "type": "object",
        "required": ["terms", "other", "score"],
        "properties": {
            "terms": array(
                row({"type": "string"}, {"type": "number"}, description="A term and what it added to the score."),
                "Terms of the question, those that changed the score most first.",
            ),
            "other": {"type": "number", "description": "What is not told term by term; adds up with terms to score."},
            "score": {"type": "number", "description": "What the match's probability was made from."},
        },
    },
    "QuestionResponse": reference_response(
        _MATCHES,
        "The answer to one text; answers and explanations are there if asked for.",
        required=["matched"],
        matched=_MATCHED,
        answers=_ANSWERS,
        explanations=_EXPLANATIONS,
    ),
    "QuestionsResponse": reference_response(
        array(_MATCHES, "For each text, in their order."),
        "The answer to a list of texts: in each place a list with what one text would get, in the order of the texts.",
        required=["matched"],
        matched=array(_MATCHED),
        answers=array(_ANSWERS),
        explanations=array(_EXPLANATIONS),
    ),
    # Answers to Azure Machine Learning's `{"data": [...]}`: a place for each of them, and nothing else in the result.
    "QuestionDataResponse": {
        "type": "object",
        "required": ["result", "matched"],
        "properties": {
            "result": array(_MATCHES, "For each question, in their order."),
            "matched": array(_MATCHED),
            "answers": array(_ANSWERS),
            "explanations": array(_EXPLANATIONS),
        },
    },
}

RESPONSE: Json = {"anyOf": [ref("QuestionResponse"), ref("QuestionsResponse")]}
DATA_RESPONSE = ref("QuestionDataResponse")
