import base64
import binascii
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployments.codecs import base64_text
from deployments.codecs.base64_text import from_base64

NEARLY_BASE64 = st.text(alphabet="AB+/= \n\té", max_size=40)


# RFC 4648, section 4, without regard to the bits that padding leaves over.
WHOLE_BASE64 = re.compile(r"([AB+/]{4})*([AB+/]{2}==|[AB+/]{3}=)?")


def at_once(text):
    joined = "".join(text.split())
    if not WHOLE_BASE64.fullmatch(joined):
        raise ValueError(joined)
    return binascii.a2b_base64(joined, strict_mode=True)


def outcome(function, text):
    try:
        return function(text)
    except ValueError:
        return "refused"


@given(NEARLY_BASE64, st.sampled_from([1, 2, 3, 4, 5, 9, 1000]))
@example("AAAA=", 1)
@example("AAAA=", 1000)
def test_slices_decide_as_the_whole_does(text, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base64_text, "SLICE", size)
        assert outcome(from_base64, text) == outcome(at_once, text)


@given(st.binary(max_size=60), st.integers(1, 9), st.sampled_from(["", "\n", " \r\n"]))
def test_what_was_encoded_comes_back_however_it_is_cut(content, size, between):
    encoded = base64.b64encode(content).decode()
    text = between.join(encoded[start : start + 5] for start in range(0, len(encoded), 5)) + between
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base64_text, "SLICE", size)
        assert from_base64(text) == content
