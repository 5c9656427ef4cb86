import math

from ray.serve.config import AutoscalingContext

from deployments.autoscaling import (
    DESCRIBE_CALLS,
    REFUSED_AT_ONCE,
    ROUTER,
    ingress_options,
    replicas_for_requests_in_flight,
    stage_options,
)
from deployments.least_busy_router import LeastBusyRouter
from deployments.scaling import ScalingSettings
from deployments.stage_load import REQUESTS_IN_FLIGHT


def context(config, metrics, minimum=1):
    return AutoscalingContext(
        deployment_id=None,
        deployment_name="faq-1",
        app_name="scoring",
        current_num_replicas=1,
        target_num_replicas=1,
        running_replicas=[],
        total_num_requests=0,
        total_queued_requests=0,
        aggregated_metrics=metrics,
        raw_metrics=None,
        capacity_adjusted_min_replicas=minimum,
        capacity_adjusted_max_replicas=10,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=0,
        config=config,
    )


SCALING = ScalingSettings(min_replicas=1, max_replicas=4, target_utilization=0.7, max_concurrent_requests=10)


def wanted(metrics, **options):
    config = stage_options(SCALING, callers=1)["autoscaling_config"]
    replicas, _ = replicas_for_requests_in_flight(context(config, metrics, **options))
    return math.ceil(replicas)


def test_replicas_follow_requests_in_flight_over_all_replicas():
    assert wanted({REQUESTS_IN_FLIGHT: {"a": 7.0}}) == 1
    assert wanted({REQUESTS_IN_FLIGHT: {"a": 7.5}}) == 2
    assert wanted({REQUESTS_IN_FLIGHT: {"a": 10.0, "b": 11.0}}) == 3


def test_without_reports_there_are_as_few_as_allowed():
    assert wanted({}) == 1
    assert wanted(None) == 1
    assert wanted({}, minimum=0) == 0


def test_settings_become_rays():
    config = stage_options(SCALING, callers=1)["autoscaling_config"]
    assert (config.min_replicas, config.max_replicas) == (1, 4)
    assert config.target_ongoing_requests == 7.0
    assert (config.upscale_delay_s, config.downscale_delay_s) == (0, 60)


def test_a_stage_of_many_replicas_reports_less_often():
    def seconds(most):
        scaling = ScalingSettings(min_replicas=1, max_replicas=most)
        return stage_options(scaling, callers=1)["autoscaling_config"].metrics_interval_s

    assert (seconds(99), seconds(100)) == (0.5, 1.0)


def test_replicas_on_a_machine_are_bounded_where_the_settings_say_so():
    assert "max_replicas_per_node" not in stage_options(SCALING, callers=1)
    for number in (1, 4):
        scaling = ScalingSettings(min_replicas=1, max_replicas=number, max_replicas_per_node=1)
        assert stage_options(scaling, callers=1)["max_replicas_per_node"] == 1


def test_ray_lets_every_caller_have_its_calls_out():
    assert stage_options(SCALING, callers=3)["max_ongoing_requests"] == 2 * 3 + DESCRIBE_CALLS


def test_a_stages_calls_go_by_the_least_busy_router():
    config = stage_options(SCALING, callers=1)["request_router_config"]
    assert config.request_router_class == ROUTER
    assert config.get_request_router_class() is LeastBusyRouter


def test_the_ingress_is_never_refused_by_ray_before_it_refuses_itself():
    options = ingress_options(ScalingSettings(max_concurrent_requests=5), max_requests=12)
    assert options["max_ongoing_requests"] == 12 + REFUSED_AT_ONCE
