import json

import pytest

from serve_app.client.payloads import json_payload


def test_json_leaves_out_what_is_not_given_and_keeps_every_character():
    payload = json_payload({"input": 'ä "\U0001f600"', "top_k": None, "threshold": 0.0})
    assert json.loads(payload.content) == {"input": 'ä "\U0001f600"', "threshold": 0.0}
    assert payload.media_type == "application/json"


@pytest.mark.parametrize("wrong", [{"threshold": float("nan")}, {"input": "\ud800"}])
def test_what_is_no_json_is_refused(wrong):
    with pytest.raises(ValueError, match=r"JSON|surrogate pair"):
        json_payload(wrong)
