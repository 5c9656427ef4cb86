import math

from hypothesis import given
from hypothesis import strategies as st

from deployments.telemetry.buckets import count_values

BOUNDARIES = (0.5, 1.0, 2.0)
VALUES = st.lists(st.one_of(st.sampled_from(BOUNDARIES), st.floats(0, 5)), min_size=1)


@given(VALUES, VALUES)
def test_each_bucket_has_all_values_up_to_its_limit(earlier, later):
    counted = {}
    count_values([(("x",), value) for value in earlier], BOUNDARIES, counted)
    count_values([(("x",), value) for value in later], BOUNDARIES, counted)
    values = [*earlier, *later]
    buckets = counted["x",]
    assert buckets.series(BOUNDARIES) == [
        ("0.5", sum(value <= 0.5 for value in values)),
        ("1.0", sum(value <= 1.0 for value in values)),
        ("2.0", sum(value <= 2.0 for value in values)),
        ("+Inf", len(values)),
    ]
    assert math.isclose(buckets.total, math.fsum(values), abs_tol=1e-9)


def test_labels_are_counted_apart_and_only_what_has_new_values_has_changed():
    counted = {}
    count_values([(("x",), 0.1), (("y",), 3.0)], BOUNDARIES, counted)
    for buckets in counted.values():
        buckets.changed = False
    count_values([(("y",), 0.7)], BOUNDARIES, counted)
    assert (counted["x",].counts, counted["x",].changed) == ([1, 0, 0, 0], False)
    assert (counted["y",].counts, counted["y",].changed) == ([0, 1, 0, 1], True)
