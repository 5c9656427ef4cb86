import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.telemetry.trace_context import begun, continued, is_sampled, valid_state

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_trace_is_continued_under_a_span_of_its_own():
    context = continued(f"00-{TRACE}-{SPAN}-01", "vendor=a,other=b")
    assert (context.trace_id, context.parent_id, context.sampled) == (TRACE, SPAN, True)
    assert context.state == "vendor=a,other=b"
    assert re.fullmatch(f"00-{TRACE}-(?!{SPAN})[0-9a-f]{{16}}-01", context.header)


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_the_caller_decides_whether_it_is_sampled(flags, sampled):
    assert continued(f"00-{TRACE}-{SPAN}-{flags}").sampled is sampled


def test_a_later_version_may_say_more():
    assert continued(f"cc-{TRACE}-{SPAN}-01-what-else").trace_id == TRACE


@pytest.mark.parametrize(
    "wrong",
    [
        "", "00", f"00-{TRACE}-{SPAN}", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE[:-1]}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n00", f"00-{TRACE}-{SPAN}-0g", f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-\u0660\u0661",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_counts_as_none(wrong):
    assert continued(wrong) is None


@given(st.text(max_size=100))
def test_any_text_is_a_trace_or_none(text):
    context = continued(text, text)
    assert context is None or re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", context.header)


LONG = ",".join(f"k{i}=1" for i in range(33))


@pytest.mark.parametrize("state", ["a=1", "a=1,b=2", " a=1 , b=2 ,,", "tenant@vendor=x y", "a=" + "v" * 256, ""])
def test_a_valid_state_is_kept(state):
    kept = valid_state(state)
    assert kept.split(",") == [part.strip() for part in state.split(",") if part.strip()] or not state


@pytest.mark.parametrize(
    "state",
    [
        "a",
        "A=1",
        "a=1,a=2",
        "a=\n",
        "a=1;x\x00",
        "a=b=c",
        "=1",
        "a=" + "v" * 257,
        ",".join(f"k{i}=1" for i in range(33)),
    ],
)
def test_a_wrong_state_is_dropped(state):
    assert valid_state(state) == ""


def test_the_ratio_is_that_of_the_traces():
    assert begun(1.0).sampled
    assert not begun(0.0).sampled
    assert begun(1.0).parent_id is None
    sampled = sum(begun(0.25).sampled for _ in range(4000))
    assert 800 < sampled < 1200


def test_services_of_one_ratio_decide_alike_as_opentelemetry_does():
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    for ratio in (0.0, 0.1, 0.5, 1.0):
        bound = TraceIdRatioBased.get_bound_for_rate(ratio)
        for trace_id in (begun(1).trace_id for _ in range(50)):
            assert is_sampled(trace_id, ratio) == (int(trace_id, 16) & (2**64 - 1) < bound)
