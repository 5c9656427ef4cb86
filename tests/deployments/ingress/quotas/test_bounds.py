import pytest

from deployments.ingress.quotas.bounds import Bounds, BoundsTable
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.settings import IngressSettings


def table(default=None, *exceptions):
    return BoundsTable(QuotaSettings.model_validate({"default": default or {}, "exceptions": exceptions}))


def test_without_limits_there_is_nothing_to_count():
    assert table().are_all_empty
    assert table().of("a", "faq") is None


def test_who_is_more_particular_goes_first_for_each_limit():
    found = table(
        {"requests_per_second": 10, "burst": 30, "concurrent_requests": 4, "bytes_per_day": 1000},
        {"model": "faq", "concurrent_requests": 8, "bytes_per_day": 2000},
        {"client": "a", "concurrent_requests": 16, "requests_per_second": 20},
        {"client": "a", "model": "faq", "items_per_request": {"images": 2}, "bytes_per_day": "unlimited"},
    )
    assert found.of("b", "image") == Bounds(10, 30, 4, 1000)
    assert found.of("b", "faq") == Bounds(10, 30, 8, 2000)
    assert found.of("a", "image") == Bounds(20, 20, 16, 1000)
    assert found.of("a", "faq") == Bounds(20, 20, 16, None, items=(("images", 2),))


def test_unlimited_lifts_a_limit():
    found = table({"requests_per_second": 10, "burst": 30}, {"client": "a", "requests_per_second": "unlimited"})
    assert found.of("a", "faq") is None
    assert found.of("b", "faq") == Bounds(10, 30)


@pytest.mark.parametrize(("rate", "burst"), [(0.1, 1), (1, 1), (2.5, 3), (100, 100)])
def test_a_burst_is_one_seconds_worth_unless_it_is_said(rate, burst):
    assert table({"requests_per_second": rate}).of("a", "faq").burst == burst


def test_an_exception_may_change_the_burst_alone():
    found = table({"requests_per_second": 10}, {"client": "a", "burst": 50})
    assert found.of("a", "faq") == Bounds(10, 50)


def test_limits_for_one_client_leave_the_others_alone():
    found = table(None, {"client": "a", "concurrent_requests": 1})
    assert not found.are_all_empty
    assert found.of("b", "faq") is None


def test_clients_without_an_exception_take_no_memory_of_their_own():
    found = table({"requests_per_second": 1}, {"client": "a", "burst": 2})
    assert len({id(found.of(f"client-{n}", f"model-{n}")) for n in range(1000)}) == 1
    assert len(found._known) == 1


def test_a_request_may_be_made_smaller_and_never_larger():
    settings = IngressSettings(max_items_per_request={"images": 10, "questions": 20})
    assert Bounds().narrowed(settings) is settings
    same = Bounds(items=(("images", 11), ("questions", 20))).narrowed(settings)
    assert (same.most_items("images", 64), same.most_items("questions", 1000)) == (10, 20)
    narrowed = Bounds(items=(("images", 9), ("questions", 3))).narrowed(settings)
    assert (narrowed.most_items("images", 64), narrowed.most_items("questions", 1000)) == (9, 3)
