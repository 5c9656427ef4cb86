from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from deployments.contracts import CALLS_PER_REPLICA
from deployments.scaling import ScalingSettings, filled_from, resources


def test_the_target_is_the_wanted_share_of_slots():
    assert ScalingSettings(target_utilization=0.5, max_concurrent_requests=8).target_in_flight == 4


def test_bounds_must_be_in_order():
    with pytest.raises(ValidationError, match=r"max_replicas \(1\) must be at least min_replicas \(2\)"):
        ScalingSettings(min_replicas=2, max_replicas=1)


@given(st.integers(1, 10_000))
def test_calls_of_a_replica_hold_no_more_than_its_concurrent_requests(concurrent):
    items = ScalingSettings(max_concurrent_requests=concurrent).max_items_per_call
    assert items >= 1
    assert items == 1 or items * CALLS_PER_REPLICA <= concurrent


def test_resources_are_in_rays_units():
    assert resources(ScalingSettings(cpus=0.5, memory_mb=2), gpus=1) == {
        "num_cpus": 0.5,
        "num_gpus": 1,
        "memory": 2 * 1024 * 1024,
    }
    assert "memory" not in resources(ScalingSettings())


def test_what_settings_leave_out_they_have_from_the_stages_own_defaults():
    stage = TypeAdapter(
        Annotated[ScalingSettings, filled_from(ScalingSettings(max_replicas=2, max_concurrent_requests=64))]
    )
    assert stage.validate_python({"cpus": 1}) == ScalingSettings(max_replicas=2, max_concurrent_requests=64, cpus=1)
    assert stage.validate_python({"max_replicas": 1}).max_concurrent_requests == 64
    assert stage.validate_python({"max_concurrent_requests": 8}) == ScalingSettings(
        max_replicas=2, max_concurrent_requests=8
    )
    general = ScalingSettings(max_replicas=1)
    assert stage.validate_python(general) is general
