import urllib.request

import pytest

from deployments.ingress.settings import IngressSettings
from loadtest.door_cost import ALL, NOTHING, Cost, collecting, report, variants
from loadtest.wrk import WrkResult

RESULT = {"p50_ms": 1.0, "p90_ms": 1.0, "p99_ms": 2.0, "max_ms": 3.0, "failed_responses": 0, "failed_connections": 0}


def result(requests):
    return WrkResult(requests=requests, seconds=10, **RESULT)


def test_every_variant_is_what_the_service_takes(tmp_path):
    found = variants(tmp_path, "http://127.0.0.1:1/v1/traces")
    for settings in found.values():
        IngressSettings.model_validate({**NOTHING, **settings})
    both = IngressSettings.model_validate({**NOTHING, **found[ALL]})
    assert both.access.required
    assert both.logging.access
    assert both.tracing.endpoint is not None
    assert both.quotas.default.requests_per_second is not None
    without = IngressSettings.model_validate(NOTHING)
    assert not without.access.required
    assert not without.logging.access


def test_each_round_is_compared_with_its_neighbour():
    cost = Cost("keys", [result(1000), result(2000)], [result(900), result(1600)])
    assert cost.ratios == [pytest.approx(0.9), pytest.approx(0.8)]
    (row,) = report([cost]).rows
    assert row == ["keys", "150 (100-200)", "125 (90-160)", "2.0", "0.850 (0.800-0.900)"]


def test_the_collector_takes_spans_until_it_is_no_longer_needed():
    with collecting() as address:
        for _ in range(2):
            with urllib.request.urlopen(address, data=b"spans", timeout=30) as response:  # noqa: S310 - loopback
                assert response.status == 200
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, data=b"spans", timeout=30)  # noqa: S310 - loopback
